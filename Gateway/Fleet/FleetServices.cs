using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Fleet;

/// <summary>What makes a gateway one of a fleet.</summary>
internal static class FleetServices
{
    /// <summary>Adds it. The directory in memory is for this instance alone; a fleet's silo puts the shared one in its place, before.</summary>
    public static void AddFleet(this IServiceCollection services, GatewayOptions options)
    {
        services.AddSingleton(options.Fleet);
        services.TryAddSingleton(new FleetMembership(FleetTopology.Standalone));
        services.TryAddSingleton(provider => new InMemoryFleetDirectory(provider.GetRequiredService<TimeProvider>(), options.Fleet));
        services.TryAddSingleton<IFleetDirectory>(provider => provider.GetRequiredService<InMemoryFleetDirectory>());
        services.TryAddSingleton<IFleetOrders>(provider => provider.GetRequiredService<InMemoryFleetDirectory>());
        services.TryAddSingleton<IFleetProfiles>(provider => provider.GetRequiredService<InMemoryFleetDirectory>());
        services.TryAddSingleton<IFleetNotices>(provider => provider.GetRequiredService<InMemoryFleetDirectory>());
        services.AddSingleton<ISnapshotSource>(provider =>
        {
            var node = provider.GetRequiredService<INoslateNode>();
            var fleet = provider.GetRequiredService<IFleetProfileState>();
            return new InstanceSnapshotSource(
                provider.GetRequiredService<InstanceLifecycle>(),
                provider.GetRequiredService<InvocationLedger>(),
                provider.GetRequiredService<FunctionBoard>(),
                provider.GetRequiredService<FleetMembership>(),
                options.Lifecycle.ContainerLife,
                () => new AppliedProfiles(node.Status.Profiles is { State: ProfilesState.Applied } applied ? applied.Version : null, fleet.Version, fleet.Error),
                provider.GetRequiredService<TimeProvider>())
            {
                ProgramVersion = typeof(FleetServices).Assembly.GetName().Version?.ToString(3),
                MaxConcurrent = options.Admission.MaxConcurrent,
            };
        });
        services.AddSingleton(provider => new FleetPublisher(
            provider.GetRequiredService<IFleetDirectory>(),
            provider.GetRequiredService<ISnapshotSource>(),
            options.Fleet,
            provider.GetRequiredService<FleetMembership>().Topology,
            provider.GetRequiredService<TimeProvider>(),
            Random.Shared));

        // The lifecycle's work publishes, and what is published is of the lifecycle.
        services.AddSingleton<Func<FleetPublisher>>(provider => provider.GetRequiredService<FleetPublisher>);
        services.AddHostedService<FleetPublishing>();
    }
}
