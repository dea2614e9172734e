using System.Collections.Concurrent;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using NoslateFleet.Emulator.Node;

namespace NoslateFleet.Emulator.Rpc;

/// <summary>One plane's unix socket: HTTP/2 without TLS, with the settings that a real plane announces.</summary>
internal sealed class RpcServer(string path, RpcMethods methods, NodeState state) : IAsyncDisposable
{
    /// <summary>How long connections may take to close in order, in real time; then they are cut.</summary>
    private static readonly TimeSpan CloseLimit = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// As good as never. An infinite timeout would overflow when Kestrel (10.0) adds it to its clock: idle HTTP/2 connections were
    /// closed within a second.
    /// </summary>
    private static readonly TimeSpan Never = TimeSpan.FromDays(1000);

    private readonly RpcApplication application = new(methods, state);
    private readonly ConcurrentDictionary<ConnectionContext, byte> connections = new();
    private KestrelServer? server;
    private ServiceProvider? services;

    public int OpenCalls => application.OpenCalls;

    public int Connections => connections.Count;

    public async Task StartAsync(CancellationToken cancel)
    {
        SocketFiles.Claim(path);
        services = new ServiceCollection().AddLogging().BuildServiceProvider();
        var options = new KestrelServerOptions { ApplicationServices = services, AddServerHeader = false };
        KestrelServerLimits limits = options.Limits;
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
        limits.KeepAliveTimeout = Never;
        limits.RequestHeadersTimeout = Never;
        limits.MaxConcurrentConnections = null;
        limits.Http2.MaxStreamsPerConnection = int.MaxValue;
        limits.Http2.InitialStreamWindowSize = 65535;

        // The real plane never lets one stalled stream hold up the others: its connection window always opens again.
        limits.Http2.InitialConnectionWindowSize = 1 << 30;
        options.ListenUnixSocket(path, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.Use(next => async connection =>
            {
                connections.TryAdd(connection, 0);
                state.Changes.Pulse();
                try
                {
                    await next(connection);
                }
                finally
                {
                    connections.TryRemove(connection, out _);
                    state.Changes.Pulse();
                }
            });
        });
        var transport = new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
        server = new KestrelServer(Options.Create(options), transport, NullLoggerFactory.Instance);
        await server.StartAsync(application, cancel);
    }

    /// <summary>Stops as a real plane does on SIGTERM: open calls are reset with CANCEL and the file is removed.</summary>
    public async Task StopAsync()
    {
        if (server is null)
            return;
        application.ResetAll();
        await CloseAsync();
        File.Delete(path);
    }

    /// <summary>Stops as a killed plane does: connections are cut without a word and a file that refuses connections stays.</summary>
    public async Task KillAsync()
    {
        if (server is null)
            return;

        // A closing listener unlinks its file; under another name it is not found, and comes back as the stale one.
        string aside = path + ".dead";
        File.Move(path, aside, true);
        foreach (ConnectionContext connection in connections.Keys)
            connection.Abort();
        await CloseAsync();
        File.Move(aside, path, true);
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task CloseAsync()
    {
        KestrelServer closing = server!;
        server = null;
        using (var limit = new CancellationTokenSource(CloseLimit))
            await closing.StopAsync(limit.Token);

        closing.Dispose();
        if (services is not null)
            await services.DisposeAsync();
    }
}
