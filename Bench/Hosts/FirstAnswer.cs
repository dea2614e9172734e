using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using NoslateFleet.Bench.Compare;

namespace NoslateFleet.Bench.Hosts;

/// <summary>The first 200 of a program that was just started.</summary>
internal static class FirstAnswer
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _between = TimeSpan.FromMilliseconds(2);

    /// <summary>Asks until the answer is 200.</summary>
    /// <param name="port">The platform port, on 127.0.0.1.</param>
    /// <param name="begin">When the process was started; <see cref="Stopwatch.GetTimestamp"/>.</param>
    /// <exception cref="InvalidOperationException">It was not within 20 s.</exception>
    public static async Task WaitAsync(int port, long begin)
    {
        var request = Encoding.ASCII.GetBytes($"POST {Contender.Target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\nhi");
        var buffer = new byte[4096];
        while (true)
        {
            try
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
                await socket.SendAsync(request);
                var read = await socket.ReceiveAsync(buffer);
                if (buffer.AsSpan(0, read).StartsWith("HTTP/1.1 200"u8))
                {
                    return;
                }
            }
            catch (SocketException) when (Stopwatch.GetElapsedTime(begin) < _patience)
            {
                // Not listening yet.
            }

            if (Stopwatch.GetElapsedTime(begin) > _patience)
            {
                throw new InvalidOperationException($"the published gateway had not answered with 200 after {_patience.TotalSeconds} s");
            }

            await Task.Delay(_between);
        }
    }

    /// <summary>A port that was free a moment ago.</summary>
    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
