using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Lifecycle;

namespace NoslateFleet.Gateway.Fleet;

/// <summary>What an instance needs to belong to a fleet: orders, profiles, and a directory of its own where no other one is registered.</summary>
internal static class FleetServices
{
    public static void AddFleetOrders(this IServiceCollection services, GatewayOptions options)
    {
        // This instance alone; a fleet's silo puts the shared one in its place.
        services.TryAddSingleton<FleetOptions>();
        services.TryAddSingleton(provider => new InMemoryFleetDirectory(
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<FleetOptions>()));
        services.TryAddSingleton<IFleetDirectory>(static provider => provider.GetRequiredService<InMemoryFleetDirectory>());
        services.TryAddSingleton<IFleetOrders>(static provider => provider.GetRequiredService<InMemoryFleetDirectory>());
        services.TryAddSingleton<IFleetProfiles>(static provider => provider.GetRequiredService<InMemoryFleetDirectory>());
        services.TryAddSingleton<IFleetNotices>(static provider => provider.GetRequiredService<InMemoryFleetDirectory>());
        services.AddSingleton<FleetSignals>();
        services.AddSingleton<ProfileChoice>();
        services.AddSingleton(static provider => new ProfileFollower(
            provider.GetRequiredService<IFleetProfiles>(),
            provider.GetRequiredService<IFleetNotices>(),
            provider.GetRequiredService<ProfileChoice>(),
            provider.GetRequiredService<InstanceLifecycle>(),
            provider.GetRequiredService<FleetSignals>().Raise,
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IFleetProfileState>(static provider => provider.GetRequiredService<ProfileFollower>());
        services.AddSingleton(provider => new OrderRunner(
            provider.GetRequiredService<IFleetOrders>(),
            provider.GetRequiredService<IFleetNotices>(),
            provider.GetRequiredService<InstanceLifecycle>(),
            options.Lifecycle.ContainerLife,
            new OrderMeans(
                provider.GetRequiredService<IInstanceWork>().FlushAsync,
                static receipt => JsonSerializer.Serialize(receipt, LifecycleJson.Default.Receipt),
                provider.GetRequiredService<FleetSignals>().Raise),
            provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService<FleetFollowing>();
        if (options.Simulation.Instances > 0)
        {
            services.AddSingleton(options.Simulation);
            services.AddHostedService<FleetSimulation>();
        }
    }
}
