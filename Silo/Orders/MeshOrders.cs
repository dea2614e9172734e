using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Silo.Redis;
using Orleans;

namespace NoslateFleet.Silo.Orders;

/// <summary>Puts a Mesh's grains beside the directory as a way of orders.</summary>
internal static class MeshOrders
{
    /// <summary>Adds them. To be called after the directory in Redis was added; that stays what orders are taken from.</summary>
    /// <param name="services">The services.</param>
    /// <param name="grains">The way into the cluster, made when it is first needed.</param>
    public static void AddMeshOrders(
        this IServiceCollection services, Func<IServiceProvider, Func<CancellationToken, Task<IGrainFactory>>> grains)
    {
        services.AddKeyedSingleton<IFleetOrders>(
            IFleetOrders.OfDirectory, static (provider, _) => ActivatorUtilities.CreateInstance<RedisFleetOrders>(provider));
        services.AddSingleton<IFleetOrders>(provider => ActivatorUtilities.CreateInstance<MeshFleetOrders>(
            provider, provider.GetRequiredKeyedService<IFleetOrders>(IFleetOrders.OfDirectory), grains(provider)));
    }
}
