using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Silo.Configuration;
using NoslateFleet.Silo.Invocations;
using NoslateFleet.Silo.Orders;
using NoslateFleet.Silo.Redis;
using Orleans;

namespace NoslateFleet.Silo.Hosting;

/// <summary>Puts the fleet's process together: the gateway, and a silo behind it.</summary>
internal static class SiloApplication
{
    /// <summary>Builds the process.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="configure">Further changes to the builder; null for none.</param>
    /// <returns>The application, not started.</returns>
    /// <exception cref="ConfigurationErrorsException">The configuration can't be used; all errors are in it.</exception>
    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        var app = GatewayApplication.Build(args, builder =>
        {
            QuietOrleans(builder.Configuration);
            configure?.Invoke(builder);
            var settings = SiloSettingsLoader.Load(builder.Configuration);
            builder.Services.AddNoslateFleetRedis(builder.Configuration);
            builder.Services.AddSilo(settings);
        });
        SiloLog.UnknownKeys(app);
        return app;
    }

    /// <summary>
    /// Keeps Orleans' own logs out, which tell an outage a thousand times, and <see cref="SiloService"/> once. Before all other sources: whoever wants to
    /// see more only has to say so.
    /// </summary>
    /// <param name="configuration">Gets the source.</param>
    internal static void QuietOrleans(IConfigurationBuilder configuration) => configuration.Sources.Insert(
        0,
        new MemoryConfigurationSource
        {
            InitialData = [new("Logging:LogLevel:Orleans", nameof(LogLevel.Critical)), new("Logging:LogLevel:Polly", nameof(LogLevel.Critical))],
        });

    private static void AddSilo(this IServiceCollection services, SiloSettings settings)
    {
        services.AddSingleton(settings);
        services.AddSingleton(new FleetMembership(settings.Topology));
        if (settings.Topology == FleetTopology.Standalone)
        {
            return;
        }

        services.AddGrainGate();
        services.AddSingleton<SiloPart>();
        services.AddSingleton<SiloService>();
        services.AddHostedService(provider => provider.GetRequiredService<SiloService>());
        if (settings.Topology == FleetTopology.Mesh)
        {
            services.AddMeshOrders(static provider => _ => provider.GetRequiredService<SiloPart>().Grains is { } grains
                ? Task.FromResult(grains)
                : Task.FromException<IGrainFactory>(new InvalidOperationException("the silo of this process does not run now")));
        }
    }
}
