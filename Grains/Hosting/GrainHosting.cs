using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Grains.Placement;
using Orleans.Hosting;
using Orleans.Runtime.Hosting;

namespace NoslateFleet.Grains.Hosting;

/// <summary>Adds the grains to a silo.</summary>
public static class GrainHosting
{
    /// <summary>
    /// Adds the grains, their placement and their directory. The silo must be named as its instance (<c>SiloOptions.SiloName</c>): by that
    /// name they are placed.
    /// </summary>
    /// <param name="silo">The silo.</param>
    /// <param name="parts">The process's own objects.</param>
    public static ISiloBuilder AddNoslateFleetGrains(this ISiloBuilder silo, GrainParts parts)
    {
        silo.Services.AddSingleton(parts);
        silo.Services.AddPlacementDirector<InstancePlacement, InstancePlacementDirector>();
        silo.AddGrainDirectory(LocalGrainDirectory.Name, static (_, _) => new LocalGrainDirectory());
        return silo;
    }
}
