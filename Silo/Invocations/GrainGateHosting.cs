using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Grains.Hosting;

namespace NoslateFleet.Silo.Invocations;

/// <summary>Puts the local grains in the way of a gateway's invocations.</summary>
internal static class GrainGateHosting
{
    /// <summary>
    /// Adds the gate and the switch that opens and closes it, <see cref="LocalGrains"/>, to the process's services, and
    /// <see cref="GrainParts"/> for each silo that runs in the process. To be called before the gateway adds its own.
    /// </summary>
    /// <param name="services">The services of the outer application.</param>
    public static IServiceCollection AddGrainGate(this IServiceCollection services)
    {
        services.AddMetrics();
        services.AddSingleton<LocalGrains>();
        services.AddSingleton<ILocalGrains>(static provider => provider.GetRequiredService<LocalGrains>());
        services.AddSingleton(static provider => new AdmissionDesk(
            provider.GetRequiredService<AdmissionController>(), Random.Shared, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<GrainMetrics>();
        services.AddSingleton<IInvocationGate>(static provider => ActivatorUtilities.CreateInstance<GrainGate>(
            provider, provider.GetRequiredService<InstanceLifecycle>().Identity));
        services.AddSingleton(static provider => new GrainParts(
            provider.GetRequiredService<AdmissionDesk>(),
            provider.GetRequiredService<AdmissionController>(),
            provider.GetRequiredService<InvocationLedger>(),
            provider.GetRequiredService<FunctionBoard>(),
            provider.GetRequiredService<InstanceLifecycle>(),
            provider.GetRequiredService<IInstanceWork>(),
            provider.GetRequiredService<TimeProvider>())
        {
            // Where the gateway's services are not all there, as in tests of the gate alone, there is none.
            Orders = provider.GetService<OrderRunner>(),
        });
        return services;
    }
}
