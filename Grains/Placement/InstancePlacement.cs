using Orleans;
using Orleans.Runtime;

namespace NoslateFleet.Grains.Placement;

/// <summary>A grain lives on the silo of the instance that its key names, and nowhere else.</summary>
[GenerateSerializer]
[Immutable]
[Alias("noslatefleet.placement.instance")]
internal sealed class InstancePlacement : PlacementStrategy
{
    public static readonly InstancePlacement Instance = new();
}
