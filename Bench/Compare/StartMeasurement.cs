using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using NoslateFleet.Bench.Hosts;
using NoslateFleet.Bench.Load;

namespace NoslateFleet.Bench.Compare;

/// <summary>Starts the gateway as it is published, until it answers; then how much memory it holds.</summary>
internal static class StartMeasurement
{
    private const int Requests = 10_000;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _between = TimeSpan.FromMilliseconds(2);

    public static async Task RunAsync(CompareOptions options, string workdir, Child load, Measurements measurements)
    {
        var starts = new List<double>();
        for (var i = 0; i < options.Starts; i++)
        {
            var port = FreePort();
            var text = port.ToString(CultureInfo.InvariantCulture);
            var begin = Stopwatch.GetTimestamp();
            var program = Path.Combine(options.Published!, "NoslateFleet.Gateway");
            await using var gateway = Child.Start("published gateway", program, [.. Contender.GatewayArguments(workdir), "--Platform:Port=" + text]);
            gateway.IgnoreOutput();
            await FirstAnswerAsync(port, begin);
            starts.Add(Stopwatch.GetElapsedTime(begin).TotalSeconds);
            if (i < options.Starts - 1)
            {
                continue;
            }

            long done = 0;
            while (done < Requests)
            {
                done += LoadResult.Parse(await load.AskAsync($"run {text} {Contender.Target} 32 1024 500")).Requests;
            }

            measurements.ResidentMebibytes = gateway.ResidentMebibytes;
        }

        measurements.FirstAnswerSeconds = Sample.Middle(starts);
    }

    private static async Task FirstAnswerAsync(int port, long begin)
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

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
