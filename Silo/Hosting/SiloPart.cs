using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Supervision;
using NoslateFleet.Grains.Hosting;
using NoslateFleet.Grains.Instances;
using NoslateFleet.Grains.Placement;
using NoslateFleet.Silo.Configuration;
using NoslateFleet.Silo.Redis;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using StackExchange.Redis;

namespace NoslateFleet.Silo.Hosting;

/// <summary>
/// The silo as something that can be started, looked at and stopped again: a host of its own inside the process, which shares the process's
/// objects and logs and nothing else. The way of requests never leads through it unasked.
/// </summary>
internal sealed partial class SiloPart(SiloSettings settings, GrainParts parts, ILoggerFactory loggers) : ISupervised
{
    /// <summary>
    /// Of how many grains a silo remembers where they are. Of its own it need not ask, of others it calls one for each instance. Orleans' own number, a million,
    /// is taken at the start: 18 MiB in each life.
    /// </summary>
    private const int DirectoryCache = 10_000;

    private static readonly TimeSpan _answerTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _refreshTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _disposeTime = TimeSpan.FromSeconds(5);

    private readonly ILogger _logger = loggers.CreateLogger<SiloPart>();
    private readonly RedisDamage _damage = new(loggers.CreateLogger<SiloPart>());
    private IHost? _host;
    private ConnectionMultiplexer? _redis;
    private int _dropped;

    /// <summary>Told when a life of the silo is found to be over: by Orleans itself. The life's number, and why.</summary>
    public Action<long, string>? Lost { get; set; }

    /// <summary>What makes references to the running silo's grains; null where none runs.</summary>
    public IGrainFactory? Grains => _host?.Services.GetRequiredService<IGrainFactory>();

    /// <summary>Where the running silo listens for others; null where none runs.</summary>
    public IPEndPoint? Endpoint => _host?.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress.Endpoint;

    public async Task StartAsync(long life, CancellationToken cancellationToken)
    {
        var host = Build(life);
        try
        {
            await host.StartAsync(cancellationToken);
        }
        catch
        {
            // A silo that is not running refuses to be stopped: what of it had started is.
            var lifecycle = host.Services.GetRequiredService<ISiloLifecycleSubject>();
            await EndAsync(host, lifecycle.OnStop(new CancellationToken(canceled: true)).WaitAsync(_disposeTime, CancellationToken.None));
            throw;
        }

        _host = host;
    }

    public async Task<Verification> VerifyAsync(CancellationToken cancellationToken)
    {
        if (_host is not { } host)
        {
            return Verification.Broken("there is no silo");
        }

        if (settings.Topology == FleetTopology.Mesh)
        {
            var membership = host.Services.GetRequiredService<IClusterMembershipService>();
            try
            {
                // Others may have given it up meanwhile. The read itself tells Orleans, and Orleans tells us, if they have.
                await membership.Refresh(default, cancellationToken).AsTask().WaitAsync(_refreshTime, cancellationToken);
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested)
            {
                // Nobody looks after the row before the silo is found well.
                if (await MissingRowIfKnownAsync(cancellationToken) is { } missing)
                {
                    return Verification.Broken(missing);
                }

                return Verification.Unsure("the membership can't be read: " + error.Message);
            }

            var self = host.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress;
            if (membership.CurrentSnapshot.GetSiloStatus(self) is not SiloStatus.Active and var status)
            {
                return Verification.Broken($"the cluster holds it for {status}");
            }
        }

        var grain = host.Services.GetRequiredService<IGrainFactory>().GetGrain<IInstanceGrain>(GrainKeys.OfInstance(parts.Lifecycle.Identity.InstanceId));
        await grain.ReportAsync().AsTask().WaitAsync(_answerTime, cancellationToken);
        return Verification.Well;
    }

    /// <summary>Whether the cluster's table still has this silo, and alive. Mesh only.</summary>
    /// <returns>Null if it has; else what is wrong.</returns>
    /// <exception cref="Exception">Redis can't be reached: nothing is known.</exception>
    public async Task<string?> MissingRowAsync(CancellationToken cancellationToken)
    {
        if (_host is not { } host)
        {
            return null;
        }

        var self = host.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress;
        MembershipTableData table;
        try
        {
            table = await ReadAsync();
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested && _redis is not null)
        {
            // A table that is not there is an error to Orleans, as a Redis that is not there, and as a row that somebody has spoiled.
            var key = MeshRedis.TableOf(settings);
            var mended = await MeshRedis.MendAsync(_redis, key, _damage).WaitAsync(_refreshTime, cancellationToken);
            if (!await _redis.GetDatabase().KeyExistsAsync(key).WaitAsync(_refreshTime, cancellationToken))
            {
                return mended ? "the cluster's table in Redis was spoiled" : "the cluster's table is gone from Redis, whose data were lost";
            }

            if (!mended)
            {
                throw;
            }

            table = await ReadAsync();
        }

        foreach (var (entry, _) in table.Members)
        {
            if (entry.SiloAddress.Equals(self))
            {
                return entry.Status == SiloStatus.Dead ? "others have declared it dead" : null;
            }
        }

        return "its row is gone from the cluster's table";

        Task<MembershipTableData> ReadAsync() =>
            host.Services.GetRequiredService<IMembershipTable>().ReadAllAsync(cancellationToken).WaitAsync(_refreshTime, cancellationToken);
    }

    private async Task<string?> MissingRowIfKnownAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await MissingRowAsync(cancellationToken);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    public async Task StopAsync(bool graceful, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _host, null) is not { } host)
        {
            return;
        }

        // Measured: with another silo frozen it takes 6 s whatever the token says.
        await EndAsync(host, host.StopAsync(graceful ? cancellationToken : new CancellationToken(canceled: true)).WaitAsync(cancellationToken));
    }

    private async Task EndAsync(IHost host, Task stopping)
    {
        try
        {
            await stopping;
        }
        catch (Exception error)
        {
            LogStop(_logger, error.Message);
        }
        finally
        {
            await DisposeAsync(host);
        }
    }

    private static async Task DisposeAsync(IHost host)
    {
        try
        {
            await ((IAsyncDisposable)host).DisposeAsync().AsTask().WaitAsync(_disposeTime);
        }
        catch (Exception)
        {
            // It is of no use any more. Should it still hold its port, the next start fails and is tried again.
        }
    }

    private IHost Build(long life)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "NoslateFleet.Silo" });
        builder.Services.AddSingleton<ILoggerFactory>(new SiloLoggers(loggers));
        builder.Services.Replace(ServiceDescriptor.Singleton<IHostLifetime, NoLifetime>());
        builder.UseOrleans(silo =>
        {
            silo.AddNoslateFleetGrains(parts);
            silo.Services.Replace(ServiceDescriptor.Singleton<SiloLifecycleSubject>(
                provider => new PromptLifecycle(provider.GetRequiredService<ILogger<SiloLifecycleSubject>>(), parts.Time)));
            silo.Services.AddSingleton<IFatalErrorHandler>(new FatalErrors(life, this));
            silo.Configure<SiloOptions>(options => options.SiloName = settings.InstanceId);
            silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = settings.ResponseTimeout);
            silo.Configure<GrainDirectoryOptions>(options => options.CacheSize = DirectoryCache);
            if (settings.Topology == FleetTopology.Mesh)
            {
                UseMesh(silo);
            }
            else
            {
                UseIsland(silo);
            }
        });
        return builder.Build();
    }

    private void UseIsland(ISiloBuilder silo)
    {
        silo.UseLocalhostClustering(settings.Port == 0 ? FreePort() : settings.Port, gatewayPort: 0, null, settings.Fleet, settings.InstanceId);
        silo.Configure<SiloConnectionOptions>(options => options.ConfigureSiloInboundConnection(connection => connection.Use(_ => context =>
        {
            // Tenant code shares the network, and there is no other silo that could have something to say.
            // Told once: whoever knocks could fill the logs.
            if (Interlocked.Exchange(ref _dropped, 1) == 0)
            {
                LogDropped(_logger, context.RemoteEndPoint);
            }

            context.Abort();
            return Task.CompletedTask;
        })));
    }

    private void UseMesh(ISiloBuilder silo)
    {
        silo.Configure<ClusterOptions>(options =>
        {
            options.ServiceId = settings.Fleet;
            options.ClusterId = settings.Cluster;
        });
        silo.Configure<EndpointOptions>(options =>
        {
            options.AdvertisedIPAddress = settings.Address;
            options.SiloPort = settings.Port;
            options.GatewayPort = settings.ClientPort;
        });
        silo.UseRedisClustering(options =>
        {
            MeshRedis.Configure(options, settings);
            options.CreateMultiplexer = async _ =>
            {
                var redis = await MeshRedis.ConnectAsync(settings, _damage);
                _redis = redis;
                return (redis, IsShared: false);
            };
        });
        silo.Configure<ClusterMembershipOptions>(options =>
        {
            options.ProbeTimeout = settings.ProbeTimeout;
            options.MaxProbeTimeout = settings.ProbeTimeout;
            options.NumMissedProbesLimit = settings.MissedProbes;
            options.EnableConnectionLivenessCheck = settings.LivenessCheck;
        });
        silo.Configure<ConnectionOptions>(options => options.OpenConnectionTimeout = settings.OpenConnectionTimeout);
        if (settings.Tls is { } tls)
        {
            silo.UseTls(SiloTlsSetup.Of(tls));
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [LoggerMessage(2010, LogLevel.Debug, "The silo did not stop in order: {Error}")]
    private static partial void LogStop(ILogger logger, string error);

    [LoggerMessage(2011, LogLevel.Warning, "A connection to the silo from {From} was dropped, as all are: an instance that stands alone serves none. This is not told again")]
    private static partial void LogDropped(ILogger logger, EndPoint? from);

    /// <summary>Orleans' own would end the process: "declared dead by others" is a matter of the silo alone.</summary>
    private sealed class FatalErrors(long life, SiloPart part) : IFatalErrorHandler
    {
        public bool IsUnexpected(Exception exception) => exception is not (ThreadInterruptedException or OperationCanceledException);

        public void OnFatalException(object? sender, string? context, Exception? exception) =>
            part.Lost?.Invoke(life, exception is null ? context ?? "it gave itself up" : $"{context}: {exception.Message}");
    }

    /// <summary>Signals are the outer host's.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
