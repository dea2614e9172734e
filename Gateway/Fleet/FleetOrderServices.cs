using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Lifecycle;

namespace NoslateFleet.Gateway.Fleet;

/// <summary>What an instance does for its fleet: it follows the fleet's profiles and takes its orders.</summary>
internal static class FleetOrderServices
{
    public static void AddFleetOrders(this IServiceCollection services, GatewayOptions options)
    {
        services.AddSingleton(new ProfileReader(
            options.Functions.Path is { } path ? Path.GetDirectoryName(Path.GetFullPath(path))! : Directory.GetCurrentDirectory()));
        services.AddSingleton<ProfileChoice>();
        services.AddSingleton(static provider => new ProfileFollower(
            provider.GetRequiredService<IFleetProfiles>(),
            provider.GetRequiredService<IFleetNotices>(),
            provider.GetRequiredService<ProfileChoice>(),
            provider.GetRequiredService<InstanceLifecycle>(),
            Changed(provider),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IFleetProfileState>(static provider => provider.GetRequiredService<ProfileFollower>());
        services.AddSingleton(provider => new OrderRunner(
            provider.GetKeyedService<IFleetOrders>(IFleetOrders.OfDirectory) ?? provider.GetRequiredService<IFleetOrders>(),
            provider.GetRequiredService<IFleetNotices>(),
            provider.GetRequiredService<InstanceLifecycle>(),
            options.Lifecycle.ContainerLife,
            new OrderMeans(
                provider.GetRequiredService<IInstanceWork>().FlushAsync,
                static receipt => JsonSerializer.Serialize(receipt, LifecycleJson.Default.Receipt),
                Changed(provider),
                () => provider.GetRequiredService<FleetPublisher>().IsFenced),
            provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService<FleetFollowing>();
        if (options.Simulation.Instances > 0)
        {
            services.AddSingleton(options.Simulation);
            services.AddHostedService<FleetSimulation>();
        }
    }

    // Found when it is needed: what is published has the profiles' version in it, and so comes after what tells of changes.
    private static Action Changed(IServiceProvider provider) => () => provider.GetRequiredService<FleetPublisher>().Changed();
}
