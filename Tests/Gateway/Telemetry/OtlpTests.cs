using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Telemetry;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Telemetry;

/// <summary>What goes to a collector, and what becomes of a hook when there is none. The SDK's listeners are the process's: one test after the other.</summary>
[Collection(TracingTests.Listeners)]
public sealed class OtlpTests
{
    [SkippableFact]
    public async Task AFreeze_FlushesMetricsAndTraces()
    {
        await using var collector = await Collector.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync(settings:
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ]);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await gateway.SettledAsync();
        using var response = await gateway.Admin.GetAsync("/pre-freeze");
        Assert.Contains("\"Clean\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Contains(collector.Received, r => r.Path == "/v1/metrics" && r.Body.Contains("noslatefleet.invocation.duration", StringComparison.Ordinal));
        Assert.Contains(collector.Received, r => r.Path == "/v1/traces" && r.Body.Contains("noslate.forward", StringComparison.Ordinal));
        Assert.All(collector.Received, r => Assert.Contains("noslate-fleet", r.Body, StringComparison.Ordinal));
        Assert.Equal(0, (await MetricsTests.PageAsync(gateway)).Sum("noslatefleet_telemetry_unflushed_total"));
    }

    [SkippableFact]
    public async Task OneSignalsEndpoint_IsForThatOneOnly()
    {
        await using var collector = await Collector.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync(settings:
        [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.Address + "/v1/traces"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ]);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await gateway.SettledAsync();
        await gateway.Admin.GetAsync("/pre-freeze");
        Assert.Equal(["/v1/traces"], collector.Received.Select(r => r.Path).Distinct());
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ACollectorThatIsAway_OrNeverAnswers_HoldsNoHookUp_AndIsCounted(bool hangs)
    {
        await using var collector = await Collector.StartAsync(hangs);
        var address = hangs ? collector.Address : $"http://127.0.0.1:{FreePort.Next()}";
        await using var gateway = await GatewayUnderTest.StartAsync(settings:
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("Lifecycle:FlushBudget", "2s"),
        ]);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await gateway.SettledAsync();
        var watch = Stopwatch.StartNew();
        using var response = await gateway.Admin.GetAsync("/pre-freeze");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"the hook took {watch.Elapsed}");
        var receipt = await response.Content.ReadAsStringAsync();
        Assert.Contains("\"Clean\"", receipt, StringComparison.Ordinal);
        Assert.Equal(InstancePhase.Frozen, gateway.Lifecycle.State.Phase);
        Assert.True((await MetricsTests.PageAsync(gateway)).Sum("noslatefleet_telemetry_unflushed_total", ("what", "otlp")) >= 1);
        collector.Release();
    }

    [SkippableTheory]
    [InlineData(false, "http/protobuf")]
    [InlineData(true, "http/protobuf")]
    [InlineData(false, "grpc")]
    [InlineData(true, "grpc")]
    public async Task ACollectorThatIsAway_OrNeverAnswers_HoldsUpNeitherStartNorRequestsNorTheEnd_AndIsToldOnce(bool hangs, string protocol)
    {
        // Takes connections and says nothing, in whatever protocol.
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var port = hangs ? ((IPEndPoint)silent.LocalEndpoint).Port : FreePort.Next();
        var limit = TimeSpan.FromSeconds(5);
        var watch = Stopwatch.StartNew();
        await using var gateway = await GatewayUnderTest.StartAsync(settings:
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", $"http://127.0.0.1:{port}"), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),

            // Longer than any stop: what a user set for a slow collector. One that refuses is tried again for as long.
            ("OTEL_EXPORTER_OTLP_TIMEOUT", hangs ? "600000" : "1000"), ("Lifecycle:FlushBudget", "2s"),
        ]);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await gateway.SettledAsync();
        watch.Restart();
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        }

        Assert.True(watch.Elapsed < limit, $"requests took {watch.Elapsed}");
        watch.Restart();
        var receipt = await gateway.Lifecycle.StopAsync("test");
        Assert.Equal(Verdict.Clean, receipt.Verdict);
        Assert.True(watch.Elapsed < limit, $"the drain took {watch.Elapsed}");
        var export = gateway.Service<OpenTelemetryExport>();
        Assert.InRange(export.Unflushed, 1, 2);
        watch.Restart();
        export.Dispose();
        Assert.True(watch.Elapsed < limit, $"the end took {watch.Elapsed}");
        const string Told = "The collector that the OTEL_ variables name";
        if (!hangs)
        {
            await Until.TrueAsync(() => gateway.Log.Any(line => line.Contains(Told, StringComparison.Ordinal)), "nobody is told");
        }

        Assert.InRange(gateway.Log.Count(line => line.Contains(Told, StringComparison.Ordinal)), hangs ? 0 : 1, 1);
    }

    /// <summary>A collector that takes OTLP over HTTP and keeps what it got.</summary>
    private sealed class Collector : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        private Collector(WebApplication app) => _app = app;

        public ConcurrentQueue<(string Path, string Body)> Received { get; } = new();

        public string Address => _app.Urls.First();

        public static async Task<Collector> StartAsync(bool hangs = false)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            var collector = new Collector(app);
            app.Run(async context =>
            {
                if (hangs)
                {
                    await collector._released.Task.WaitAsync(context.RequestAborted);
                }

                using var body = new MemoryStream();
                await context.Request.Body.CopyToAsync(body);
                collector.Received.Enqueue((context.Request.Path, Encoding.Latin1.GetString(body.ToArray())));
                context.Response.StatusCode = StatusCodes.Status200OK;
            });
            await app.StartAsync();
            return collector;
        }

        public void Release() => _released.TrySetResult();

        public async ValueTask DisposeAsync()
        {
            Release();
            await _app.DisposeAsync();
        }
    }
}
