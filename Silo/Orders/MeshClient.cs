using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NoslateFleet.Silo.Configuration;
using NoslateFleet.Silo.Hosting;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;

namespace NoslateFleet.Silo.Orders;

/// <summary>
/// An Orleans client of the fleet's cluster: it connects when it is first needed, is reused, and ends with whoever has it. A silo that comes and goes would
/// disturb the cluster. Safe under concurrent callers.
/// </summary>
/// <param name="settings">The fleet's settings.</param>
/// <param name="patience">How long one try may take; null: 20 s.</param>
internal sealed class MeshClient(SiloSettings settings, TimeSpan? patience = null) : IAsyncDisposable
{
    private static readonly TimeSpan _usualPatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _endTime = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _ended = new();
    private readonly Lock _lock = new();
    private Task<IHost>? _host;

    /// <summary>What makes references to grains, connected. A connection that failed is tried anew by the next call.</summary>
    /// <param name="cancellationToken">Gives up waiting: the connection goes on coming about, for the calls after.</param>
    public async Task<IGrainFactory> ConnectAsync(CancellationToken cancellationToken)
    {
        Task<IHost> host;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_ended.IsCancellationRequested, this);
            if (_host is null or { IsFaulted: true } or { IsCanceled: true })
            {
                _host = Task.Run(StartAsync, CancellationToken.None);
            }

            host = _host;
        }

        return (await host.WaitAsync(cancellationToken)).Services.GetRequiredService<IClusterClient>();
    }

    /// <summary>Leaves the cluster.</summary>
    public async ValueTask DisposeAsync()
    {
        Task<IHost>? host;
        lock (_lock)
        {
            host = _host;
            _host = null;
            if (_ended.IsCancellationRequested)
            {
                return;
            }

            _ended.Cancel();
        }

        if (host is not null)
        {
            await ((Task)host).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (host.IsCompletedSuccessfully)
            {
                await EndAsync(host.Result);
            }
        }
    }

    private async Task<IHost> StartAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
        limit.CancelAfter(patience ?? _usualPatience);
        var host = Build();
        try
        {
            await host.StartAsync(limit.Token).WaitAsync(limit.Token);
            return host;
        }
        catch
        {
            await EndAsync(host);
            throw;
        }
    }

    private static async Task EndAsync(IHost host)
    {
        try
        {
            using var time = new CancellationTokenSource(_endTime);
            await host.StopAsync(time.Token).WaitAsync(time.Token);
        }
        catch (Exception)
        {
            // One that has not come up may not stop either.
        }
        finally
        {
            host.Dispose();
        }
    }

    private IHost Build()
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
