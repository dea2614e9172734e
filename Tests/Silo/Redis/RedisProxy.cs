using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace NoslateFleet.Tests.Silo.Redis;

/// <summary>Lies between Redis and its clients: passes bytes on, holds them for ever, or delays what the server says.</summary>
internal sealed class RedisProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly ConcurrentBag<TcpClient> _ends = [];
    private readonly int _target;
    private int _generation;
    private long _delay;

    public RedisProxy(int target)
    {
        _target = target;
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Endpoint => _listener.LocalEndpoint.ToString()!;

    /// <summary>How long everything that the server says is under way; what is under way already stays so.</summary>
    public TimeSpan Delay
    {
        get => new(Interlocked.Read(ref _delay));
        set => Interlocked.Exchange(ref _delay, value.Ticks);
    }

    /// <summary>Passes nothing on any more; connections made later pass again.</summary>
    public void HoldAll() => Interlocked.Increment(ref _generation);

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Dispose();
        foreach (var end in _ends)
        {
            end.Dispose();
        }
    }

    private async Task AcceptAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            var client = await _listener.AcceptTcpClientAsync(_ending.Token);
            var server = new TcpClient();
            _ends.Add(client);
            _ends.Add(server);
            await server.ConnectAsync(IPAddress.Loopback, _target, _ending.Token);
            client.NoDelay = server.NoDelay = true;
            var generation = Volatile.Read(ref _generation);
            _ = PassAsync(client, server, generation, delayed: false);
            _ = PassAsync(server, client, generation, delayed: true);
        }
    }

    private async Task PassAsync(TcpClient from, TcpClient to, int generation, bool delayed)
    {
        // Read on while what was read waits: the way is long, not narrow.
        var underWay = Channel.CreateUnbounded<(long Due, byte[] Bytes)>();
        var arriving = ArriveAsync(underWay.Reader, to, generation);
        try
        {
            var buffer = new byte[16 * 1024];
            int read;
            while ((read = await from.GetStream().ReadAsync(buffer, _ending.Token)) > 0)
            {
                var due = Environment.TickCount64 + (delayed ? (long)Delay.TotalMilliseconds : 0);
                underWay.Writer.TryWrite((due, buffer[..read]));
            }
        }
        finally
        {
            underWay.Writer.Complete();
            await arriving;
        }
    }

    private async Task ArriveAsync(ChannelReader<(long Due, byte[] Bytes)> underWay, TcpClient to, int generation)
    {
        await foreach (var (due, bytes) in underWay.ReadAllAsync(_ending.Token))
        {
            var left = due - Environment.TickCount64;
            if (left > 0)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(left), _ending.Token);
            }

            if (generation == Volatile.Read(ref _generation))
            {
                await to.GetStream().WriteAsync(bytes, _ending.Token);
            }
        }

        to.Client.Shutdown(SocketShutdown.Send);
    }
}
