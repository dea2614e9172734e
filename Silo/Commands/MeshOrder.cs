using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Grains.Instances;
using NoslateFleet.Grains.Placement;
using NoslateFleet.Silo.Configuration;
using NoslateFleet.Silo.Hosting;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;

namespace NoslateFleet.Silo.Commands;

/// <summary>An order by an instance's grain. Whoever gives it is an Orleans client: a silo that comes and goes would disturb the cluster.</summary>
internal static class MeshOrder
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    /// <summary>Gives the order.</summary>
    /// <param name="settings">The fleet's settings.</param>
    /// <param name="instance">The instance.</param>
    /// <param name="kind">What to do.</param>
    /// <param name="by">Who wants it.</param>
    /// <param name="output">Where the answer goes.</param>
    /// <param name="errors">Where it is told what went wrong.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> GiveAsync(
        SiloSettings settings, string instance, FleetOrderKind kind, string by, TextWriter output, TextWriter errors)
    {
        using var patience = new CancellationTokenSource(_patience);
        try
        {
            using var host = Build(settings);
            await host.StartAsync(patience.Token);
            var grain = host.Services.GetRequiredService<IClusterClient>().GetGrain<IInstanceGrain>(GrainKeys.OfInstance(instance));
            var (done, said) = await GiveAsync(grain, kind, by, patience.Token);
            await (done ? output : errors).WriteLineAsync($"order: {instance}: {said}");
            await host.StopAsync(CancellationToken.None);
            return done ? 0 : Tool.Failed;
        }
        catch (Exception error)
        {
            await errors.WriteLineAsync($"order: {instance} can't be reached through the cluster: {error.Message}");
            return Tool.Failed;
        }
    }

    private static async Task<(bool Done, string Said)> GiveAsync(IInstanceGrain grain, FleetOrderKind kind, string by, CancellationToken cancellationToken)
    {
        switch (kind)
        {
            case FleetOrderKind.Drain:
                await grain.DrainAsync(by).AsTask().WaitAsync(cancellationToken);
                return (true, "drains; the command fleet tells how it goes on");
            case FleetOrderKind.Undrain:
                return await grain.UndrainAsync(by).AsTask().WaitAsync(cancellationToken)
                    ? (true, "serves again")
                    : (false, "there is no drain to undo");
            default:
                return await grain.FlushAsync(cancellationToken).WaitAsync(cancellationToken) is { } trouble ? (false, trouble) : (true, "flushed");
        }
    }

    private static IHost Build(SiloSettings settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "NoslateFleet.Order" });
        builder.UseOrleansClient(client =>
        {
            client.Configure<ClusterOptions>(options =>
            {
                options.ServiceId = settings.Fleet;
                options.ClusterId = settings.Cluster;
            });
            client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = settings.ResponseTimeout);
            client.UseRedisClustering(options => MeshRedis.Configure(options, settings));
            if (settings.Tls is { } tls)
            {
                client.UseTls(SiloTlsSetup.Of(tls));
            }
        });
        return builder.Build();
    }
}
