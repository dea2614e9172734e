using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Bench.Load;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Bench.Hosts;

/// <summary>The client called in a loop, with no HTTP in front: what the node's side costs at least.</summary>
internal static class ClientFloor
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    public static async Task RunAsync(string workdir)
    {
        var loggers = NullLoggerFactory.Instance;
        await using var node = new NoslateNode(new NodeOptions { Workdir = workdir }, TimeProvider.System, loggers);
        node.Start();
        await Commands.ServeAsync("", async words => (await LoopAsync(
            node,
            int.Parse(words[1], CultureInfo.InvariantCulture),
            int.Parse(words[2], CultureInfo.InvariantCulture),
            TimeSpan.FromMilliseconds(int.Parse(words[3], CultureInfo.InvariantCulture)))).ToLine());
    }

    /// <summary>One invocation as the gateway would make it for the load generator's request.</summary>
    /// <returns>Whether the body came back whole.</returns>
    public static async ValueTask<bool> InvokeAsync(INoslateNode node, ReadOnlySequence<byte> body, byte[] buffer)
    {
        using var request = InvocationRequest.Rent(Upstream.Function, "POST", "/echo", "bench-0000000000000000000000000");
        request.AddHeader("host", "127.0.0.1:9000");
        request.AddHeader("user-agent", "bench/1.0");
        request.AddHeader("accept", "*/*");
        request.AddHeader("content-type", "application/octet-stream");
        request.AddHeader("content-length", body.Length == 1024 ? "1024" : "65536");
        request.AddHeader("x-forwarded-for", "127.0.0.1");
        request.AddHeader("x-forwarded-proto", "http");
        request.AddHeader("x-forwarded-host", "127.0.0.1:9000");
        request.AddHeader("x-request-id", "bench-0000000000000000000000000");
        await using var call = await node.InvokeAsync(InvocationTarget.Function, request, PipeReader.Create(body), _limit, CancellationToken.None);
        long total = 0;
        int read;
        while ((read = await call.ReadAsync(buffer, CancellationToken.None)) > 0)
        {
            total += read;
        }

        return call.Status == 200 && total == body.Length;
    }

    private static async Task<LoadResult> LoopAsync(NoslateNode node, int concurrency, int size, TimeSpan time)
    {
        var body = new byte[size];
        new Random(1).NextBytes(body);
        var start = Stopwatch.GetTimestamp();
        var end = start + (long)(time.TotalSeconds * Stopwatch.Frequency);
        var loops = await Task.WhenAll(Enumerable.Range(0, concurrency).Select(_ => Task.Run(() => OneAsync(node, new(body), end))));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var all = new Histogram();
        long errors = 0;
        foreach (var (latencies, bad) in loops)
        {
            all.Add(latencies);
            errors += bad;
        }

        return LoadResult.Of(all, errors, seconds);
    }

    private static async Task<(Histogram Latencies, long Errors)> OneAsync(NoslateNode node, ReadOnlySequence<byte> body, long end)
    {
        var latencies = new Histogram();
        var buffer = new byte[16 * 1024];
        long errors = 0;
        long now;
        while ((now = Stopwatch.GetTimestamp()) < end)
        {
            if (await InvokeAsync(node, body, buffer))
            {
                latencies.Add(Stopwatch.GetTimestamp() - now);
            }
            else
            {
                errors++;
            }
        }

        return (latencies, errors);
    }
}
