using System.Collections.Concurrent;
using System.Net.Sockets;
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
        var tracked = new TrackedConnection(connection, http2);
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

    /// <summary>How many exchanges are kept: one for each HTTP/1.1 connection that was ever used, and over HTTP/2 those that run.</summary>
    public int Exchanges => _open.Values.Sum(connection => connection.Exchanges);

    /// <summary>
    /// Tells every HTTP/2 connection to take no new stream (GOAWAY). HTTP/1.1 is told with each response, and so is an HTTP/2 connection that is opened
    /// later.
    /// </summary>
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

/// <summary>
/// One connection and its exchanges: over HTTP/1.1 the one that was ever made on it, over HTTP/2 those that run, since a connection that
/// stays open makes new ones again and again.
/// </summary>
internal sealed class TrackedConnection(ConnectionContext connection, bool http2)
{
    // Linux: IPPROTO_TCP, TCP_INFO, and where tcpi_bytes_acked is in it.
    private const int Tcp = 6;
    private const int TcpInfo = 11;
    private const int AckedOffset = 120;

    private readonly Lock _lock = new();
    private readonly List<PlatformExchange> _exchanges = [];

    public bool IsHttp2 => http2;

    public int Exchanges
    {
        get
        {
            lock (_lock)
            {
                return _exchanges.Count;
            }
        }
    }

    /// <summary>
    /// How many bytes the peer has taken over HTTP/1.1 so far: the system passes them on long after they were handed to it. 0 where that can't be told.
    /// </summary>
    public long BytesTaken
    {
        get
        {
            if (http2 || !OperatingSystem.IsLinux() || connection.Features.Get<IConnectionSocketFeature>() is not { Socket: { } socket })
            {
                return 0;
            }

            Span<byte> info = stackalloc byte[AckedOffset + sizeof(long)];
            try
            {
                return socket.GetRawSocketOption(Tcp, TcpInfo, info) == info.Length ? BitConverter.ToInt64(info[AckedOffset..]) : 0;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The connection has ended.
                return 0;
            }
        }
    }

    public void Add(PlatformExchange exchange)
    {
        lock (_lock)
        {
            _exchanges.Add(exchange);
        }
    }

    public void Remove(PlatformExchange exchange)
    {
        lock (_lock)
        {
            _exchanges.Remove(exchange);
        }
    }

    public void SayGoAway()
    {
        if (http2)
        {
            connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        }
    }

    /// <summary>
    /// Ends the connection once all that was written has left, as an abort does not: it throws away what the peer has not read yet. Not while
    /// anybody writes or flushes.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait for a peer that does not read.</param>
    public async Task EndOutputAsync(CancellationToken cancellationToken)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = connection.ConnectionClosed.UnsafeRegister(static ended => ((TaskCompletionSource)ended!).TrySetResult(), ended);
        await connection.Transport.Output.CompleteAsync();
        await ended.Task.WaitAsync(cancellationToken);
    }

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
