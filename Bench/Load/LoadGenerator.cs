using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NoslateFleet.Bench.Load;

/// <summary>
/// Posts one body over and over on kept connections, each with one request at a time. It runs on the sockets' own thread (see
/// <see cref="LoadHost"/>) and reuses everything, so that little of the machine goes to it.
/// </summary>
internal static class LoadGenerator
{
    private const int BufferSize = 128 * 1024;

    /// <summary>Runs the load.</summary>
    /// <param name="port">The server's port on 127.0.0.1.</param>
    /// <param name="path">The request target.</param>
    /// <param name="concurrency">Connections.</param>
    /// <param name="size">Body bytes.</param>
    /// <param name="time">How long.</param>
    public static async Task<LoadResult> RunAsync(int port, string path, int concurrency, int size, TimeSpan time)
    {
        var request = Request(port, path, size);
        var connections = new Connection[concurrency];
        try
        {
            for (var i = 0; i < concurrency; i++)
            {
                connections[i] = await Connection.OpenAsync(port);
            }

            var start = Stopwatch.GetTimestamp();
            var end = start + (long)(time.TotalSeconds * Stopwatch.Frequency);
            await Task.WhenAll(Array.ConvertAll(connections, connection => connection.RunAsync(request, size, end)));
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            var all = new Histogram();
            foreach (var connection in connections)
            {
                all.Add(connection.Latencies);
            }

            return LoadResult.Of(all, connections.Sum(connection => connection.Errors), seconds);
        }
        finally
        {
            foreach (var connection in connections)
            {
                connection?.Dispose();
            }
        }
    }

    private static byte[] Request(int port, string path, int size)
    {
        var head = Encoding.ASCII.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n"
            + $"Content-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n");
        var body = new byte[size];
        new Random(1).NextBytes(body);
        return [.. head, .. body];
    }

    private sealed class Connection(Socket socket) : IDisposable
    {
        private readonly byte[] _buffer = new byte[BufferSize];

        public Histogram Latencies { get; } = new();

        public long Errors { get; private set; }

        public static async Task<Connection> OpenAsync(int port)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
                return new Connection(socket);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        public async Task RunAsync(byte[] request, int size, long end)
        {
            long now;
            while ((now = Stopwatch.GetTimestamp()) < end)
            {
                for (var sent = 0; sent < request.Length;)
                {
                    sent += await socket.SendAsync(request.AsMemory(sent));
                }

                if (await ReadAsync(size))
                {
                    Latencies.Add(Stopwatch.GetTimestamp() - now);
                }
                else
                {
                    Errors++;
                }
            }
        }

        public void Dispose() => socket.Dispose();

        private async ValueTask<bool> ReadAsync(int size)
        {
            var parser = default(ResponseParser);
            var held = 0;
            while (true)
            {
                var read = await socket.ReceiveAsync(_buffer.AsMemory(held));
                if (read == 0)
                {
                    throw new InvalidDataException("the server closed a connection in the middle of the load");
                }

                held += read;
                var done = parser.Parse(_buffer.AsSpan(0, held));
                if (parser.Done)
                {
                    return parser.Status == 200 && parser.BodyBytes == size && done == held;
                }

                _buffer.AsSpan(done, held - done).CopyTo(_buffer);
                held -= done;
            }
        }
    }
}
