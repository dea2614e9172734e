using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using NoslateFleet.Gateway.Platform;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>The platform port's open connections, and the exchanges on them: whom a stop has to tell, and what it may have to cut.</summary>
internal sealed class Connections
{
    private readonly ConcurrentDictionary<string, TrackedConnection> _open = new(StringComparer.Ordinal);

    /// <summary>Keeps a connection in view for as long as it is served.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="serve">Serves it.</param>
    /// <param name="http2">Whether it speaks HTTP/2.</param>
    public async Task TrackAsync(ConnectionContext connection, ConnectionDelegate serve, bool http2)
    {
        var tracked = new TrackedConnection(http2 ? connection.Features.Get<IConnectionLifetimeNotificationFeature>() : null);
        connection.Features.Set(tracked);
        _open[connection.ConnectionId] = tracked;
        try
        {
            await serve(connection);
        }
        finally
        {
            _open.TryRemove(connection.ConnectionId, out _);
        }
    }

    /// <summary>Tells every HTTP/2 connection to take no new stream (GOAWAY). HTTP/1.1 is told with each response.</summary>
    public void SayGoAway()
    {
        foreach (var connection in _open.Values)
        {
            connection.SayGoAway();
        }
    }

    /// <summary>Cuts every invocation in flight.</summary>
    public void CutInvocations()
    {
        foreach (var connection in _open.Values)
        {
            connection.CutInvocations();
        }
    }
}

/// <summary>One connection and the exchanges that were ever made on it: one over HTTP/1.1, a few that are used again over HTTP/2.</summary>
internal sealed class TrackedConnection(IConnectionLifetimeNotificationFeature? http2)
{
    private readonly Lock _lock = new();
    private readonly List<PlatformExchange> _exchanges = [];

    public void Add(PlatformExchange exchange)
    {
        lock (_lock)
        {
            _exchanges.Add(exchange);
        }
    }

    public void SayGoAway() => http2?.RequestClose();

    public void CutInvocations()
    {
        PlatformExchange[] exchanges;
        lock (_lock)
        {
            exchanges = [.. _exchanges];
        }

        foreach (var exchange in exchanges)
        {
            exchange.Cut();
        }
    }
}
