using System.Text;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>
/// The rows of the node's error table that an emulated node can bring about, as a caller sees them. Where a row says that the
/// function never ran, the function's own file proves it. The other rows are in <see cref="WireErrorTests"/>.
/// </summary>
public sealed class ErrorTableTests(ErrorTableTests.Functions fixture) : FixtureTests<ErrorTableTests.Functions>(fixture)
{
    [SkippableFact]
    public async Task UnknownFunction_404_Never()
    {
        var problem = await _gateway.FailsAsync(GatewayUnderTest.ScriptedFor("nobody"), "404 data-plane unknown-function never");
        Assert.Contains("at dataPlane", _gateway.FailureLogOf(problem.RequestId), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task UnknownService_404_Never() =>
        await _gateway.FailsAsync(new(HttpMethod.Get, "/") { Headers = { { "x-noslate-target", "service|nobody" } } }, "404 data-plane unknown-service never");

    [SkippableFact]
    public async Task RateLimit_429_Never_AndItDidNotRun()
    {
        var ran = _gateway.Flag("limited");
        await CompletesAsync("limited", ["append", ran, "first"]);
        await _gateway.FailsAsync(GatewayUnderTest.ScriptedFor("limited", ["append", ran, "second"]), "429 data-plane rate-limited never");
        Assert.Equal((1L, "first\n"), (_gateway.Node!.GetStats()["limited"].Dispatched, await File.ReadAllTextAsync(ran)));
        Assert.Equal(new LedgerSnapshot(2, 1, 1, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableFact]
    public async Task BreakerOpen_503_Never_AndItDidNotRun()
    {
        var ran = _gateway.Flag("breaker");
        _gateway.Node!.ForceCircuitBreaker(true);
        try
        {
            await _gateway.FailsAsync(GatewayUnderTest.Scripted(["append", ran, "refused"]), "503 data-plane breaker-open never");
            await _gateway.FailsAsync(
                new(HttpMethod.Get, "/") { Headers = { { "x-noslate-target", "service|nobody" } } }, "503 data-plane breaker-open never");
        }
        finally
        {
            _gateway.Node.ForceCircuitBreaker(false);
        }

        await CompletesAsync("script", ["append", ran, "closed"]);
        Assert.Equal("closed\n", await File.ReadAllTextAsync(ran));
    }

    [SkippableFact]
    public async Task DeadlineWhileQueued_504_Never_AndItDidNotRun_AndTheNodeKnewTheRequestsId()
    {
        // The node's clock is the test's own, so that the node speaks before the gateway's own deadline, however busy the machine is.
        var clock = NodeClock.Standing();
        await using var gateway = await GatewayUnderTest.StartAsync(OneAtATime, node: NodeClock.Options, nodeClock: clock);
        var ran = gateway.Flag("queued");
        await using (await OccupyAsync(gateway, "one"))
        {
            var call = gateway.FailsAsync(GatewayUnderTest.ScriptedFor("one", ["append", ran, "late"]), "504 data-plane queue-timeout never", others: 1);
            await gateway.Node!.WaitForAsync(s => s["one"].Queued == 1);
            await clock.PassDeadlineAsync();
            var problem = await call;
            Assert.Contains($"request({problem.RequestId})", gateway.FailureLogOf(problem.RequestId), StringComparison.Ordinal);
        }

        await CompletesAsync(gateway, "one", ["append", ran, "next"]);
        Assert.Equal("next\n", await File.ReadAllTextAsync(ran));
        Assert.Equal(new LedgerSnapshot(3, 2, 1, 0, 0, 0), await gateway.SettledAsync());
    }

    [SkippableFact]
    public async Task DeadlineWhileRunning_504_Maybe()
    {
        var clock = NodeClock.Standing();
        await using var gateway = await GatewayUnderTest.StartAsync(OneAtATime, node: NodeClock.Options, nodeClock: clock);
        var running = gateway.Flag("running");
        var call = gateway.FailsAsync(GatewayUnderTest.ScriptedFor("one", ["touch", running], ["hang"]), "504 worker execution-timeout maybe");
        await GatewayUnderTest.AppearsAsync(running);
        await clock.PassDeadlineAsync();
        var problem = await call;
        Assert.Contains("at dataPlane", gateway.FailureLogOf(problem.RequestId), StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("throw")]
    [InlineData("reject")]
    public async Task ThrowsOrRejects_502_Yes_AndTheStackIsOnlyInTheLog(string step)
    {
        var problem = await _gateway.FailsAsync(GatewayUnderTest.Scripted([step]), "502 worker function-error yes");
        var log = _gateway.FailureLogOf(problem.RequestId);
        Assert.Contains("scripted", log, StringComparison.Ordinal);
        Assert.Contains("index.js", log, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("bad-handler")]
    [InlineData("bad-file")]
    public async Task BadHandlerOrFile_502_Yes(string function) =>
        await _gateway.FailsAsync(GatewayUnderTest.ScriptedFor(function), "502 worker function-error yes");

    [SkippableFact]
    public async Task ThrowNull_200_WithAnEmptyBody()
    {
        using var response = await _gateway.Http.SendAsync(GatewayUnderTest.Scripted(["throw-null"]));
        Assert.Equal((200, ""), ((int)response.StatusCode, await response.Content.ReadAsStringAsync()));
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableTheory]
    [InlineData("exit")]
    [InlineData("uncaught")]
    [InlineData("unhandled")]
    public async Task WorkerEndsBeforeTheHead_502_Maybe_AndTheNextCallIsServed(string step)
    {
        await _gateway.FailsAsync(GatewayUnderTest.ScriptedFor("dying", [step]), "502 worker worker-exited maybe");
        await CompletesAsync("dying");
    }

    [SkippableTheory]
    [InlineData("throw", "response-reset")]
    [InlineData("destroy", "response-reset")]
    [InlineData("exit", "worker-exited")]
    public async Task FailsAfterTheHead_ConnectionIsCut_AndTheLogTellsThatItRan(string step, string reason)
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        var (id, go) = (GatewayRequests.NewId(), _gateway.Flag("go-" + step));
        await connection.SendAsync(GatewayRequests.Text(
            "GET", "/invoke/dying", "x-request-id: " + id, GatewayRequests.ScriptLine(["head", 200], ["write", "part"], ["await", go], [step])));
        Assert.Equal(200, (await connection.ReadHeadAsync()).Status);
        Assert.Equal("part", Encoding.UTF8.GetString((await connection.ReadChunkAsync())!));
        await File.WriteAllTextAsync(go, "");
        Assert.Null(await connection.ReadChunkAsync());
        Assert.True(await connection.IsClosedAsync());
        Assert.Equal(new LedgerSnapshot(1, 0, 1, 0, 0, 0), await _gateway.SinceAsync(_before));
        Assert.Contains($"worker {reason}, executed Yes, after head True", _gateway.FailureLogOf(id), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task QueueDisabled_503_Never_AndItDidNotRun_AndARetryIsServed()
    {
        var ran = _gateway.Flag("no-queue");
        await _gateway.FailsAsync(GatewayUnderTest.ScriptedFor("no-queue", ["append", ran, "refused"]), "503 data-plane no-worker never");
        await _gateway.Node!.WaitForAsync(s => s["no-queue"].Ready == 1);
        await CompletesAsync("no-queue", ["append", ran, "retried"]);
        Assert.Equal("retried\n", await File.ReadAllTextAsync(ran));
    }

    [SkippableFact]
    public async Task ReplicaLimit_StaysQueued_UntilAWorkerIsFree()
    {
        Task<HttpResponseMessage> second;
        await using (await OccupyAsync(_gateway, "one"))
        {
            second = _gateway.Http.SendAsync(GatewayUnderTest.ScriptedFor("one", ["end", "served"]));
            await _gateway.Node!.WaitForAsync(s => s["one"].Queued == 1);
            Assert.False(second.IsCompleted);
        }

        using var response = await second;
        Assert.Equal("served", await response.Content.ReadAsStringAsync());
        Assert.Equal(new LedgerSnapshot(2, 2, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableFact]
    public async Task ReplicaLimitWithFastFail_503_Never_AndItDidNotRun()
    {
        var ran = _gateway.Flag("fast");

        // It fails fast while its only worker starts as well, so that one must be there first.
        await Until.TrueAsync(
            async () =>
            {
                using var warm = await _gateway.Http.SendAsync(GatewayUnderTest.ScriptedFor("fast", ["end"]));
                return warm.IsSuccessStatusCode;
            },
            "fast was never served");
        await using (await OccupyAsync(_gateway, "fast"))
        {
            await _gateway.FailsAsync(GatewayUnderTest.ScriptedFor("fast", ["append", ran, "refused"]), "503 data-plane replica-limit never", others: 1);
        }

        await CompletesAsync("fast", ["append", ran, "free"]);
        Assert.Equal("free\n", await File.ReadAllTextAsync(ran));
    }

    [SkippableFact]
    public async Task NoMemory_503_Never()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(node: d => new EmulatorOptions { Workdir = d, VirtualMemoryPoolBytes = 1000 });
        await gateway.FailsAsync(GatewayUnderTest.Scripted(["end"]), "503 data-plane no-memory never");
        Assert.Equal(0, gateway.Node!.GetStats()["script"].Dispatched);
    }

    [SkippableFact]
    public async Task CodeNotToBeHad_503_Never() =>
        await _gateway.FailsAsync(GatewayUnderTest.ScriptedFor("no-code"), "503 data-plane code-unavailable never");

    [SkippableTheory]
    [InlineData("start-throws", "initializer-failed")]
    [InlineData("start-exits", "initializer-failed")]
    [InlineData("start-slow", "initializer-timeout")]
    public async Task InitializerFailsOrIsTooSlow_502_Never(string function, string reason)
    {
        await _gateway.FailsAsync(GatewayUnderTest.ScriptedFor(function), $"502 worker {reason} never");
        Assert.Equal(0, _gateway.Node!.GetStats()[function].Dispatched);
    }

    [SkippableFact]
    public async Task ErrorStreamThatNeverEnds_IsCancelled()
    {
        // The one stream that stays is the gateway's own, for the node's events.
        var open = (await _gateway.Node!.WaitForAsync(s => s.OpenDataPlaneCalls <= 1)).OpenDataPlaneCalls;
        for (var i = 0; i < 50; i++)
        {
            using var response = await _gateway.Http.SendAsync(GatewayUnderTest.ScriptedFor(i % 2 == 0 ? "nobody" : "bad-handler"));
            Assert.False(response.IsSuccessStatusCode);
        }

        await _gateway.Node.WaitForAsync(s => s.OpenDataPlaneCalls == open);
        Assert.Equal(new LedgerSnapshot(50, 0, 50, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    private static object[] OneAtATime =>
        [GatewayUnderTest.Function("script", "one", ("worker", new { maxActivateRequests = 1, replicaCountLimit = 1 }))];

    private Task CompletesAsync(string function, params object[][] steps) => CompletesAsync(_gateway, function, steps);

    private static async Task CompletesAsync(GatewayUnderTest gateway, string function, params object[][] steps)
    {
        using var response = await gateway.Http.SendAsync(GatewayUnderTest.ScriptedFor(function, [.. steps, ["end", "done"]]));
        Assert.Equal((200, "done"), ((int)response.StatusCode, await response.Content.ReadAsStringAsync()));
    }

    /// <summary>Takes the only place of a function's only worker until it is disposed.</summary>
    private static async Task<Occupied> OccupyAsync(GatewayUnderTest gateway, string function)
    {
        // Its head has come, so that no deadline ends it.
        var go = gateway.Flag("go-" + GatewayRequests.NewId());
        var response = await gateway.Http.SendAsync(
            GatewayUnderTest.ScriptedFor(function, ["head", 200], ["await", go], ["end", "through"]), HttpCompletionOption.ResponseHeadersRead);
        return new Occupied(response, go);
    }

    private sealed class Occupied(HttpResponseMessage response, string go) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await File.WriteAllTextAsync(go, "");
            using (response)
            {
                Assert.Equal((200, "through"), ((int)response.StatusCode, await response.Content.ReadAsStringAsync()));
            }
        }
    }

    public sealed class Functions : GatewayFixture
    {
        private protected override Task<GatewayUnderTest> StartAsync() => GatewayUnderTest.StartAsync(
        [
            GatewayUnderTest.Function("script"),
            GatewayUnderTest.Function("script", "dying"),
            GatewayUnderTest.Function("script", "limited", ("rateLimit", new { maxTokenCount = 1, tokensPerFill = 1, fillInterval = 3_600_000 })),
            GatewayUnderTest.Function("script", "one", ("worker", new { maxActivateRequests = 1, replicaCountLimit = 1 })),
            GatewayUnderTest.Function("script", "fast", ("worker", new { maxActivateRequests = 1, replicaCountLimit = 1, fastFailRequestsOnStarting = true })),
            GatewayUnderTest.Function("script", "no-queue", ("worker", new { disableRequestQueue = true })),
            GatewayUnderTest.Function("script", "bad-handler", ("handler", "index.nothing")),
            GatewayUnderTest.Function("script", "bad-file", ("handler", "nofile.handler")),
            GatewayUnderTest.Function("script", "no-code", ("url", "file:///nowhere/at/all")),
            GatewayUnderTest.Function("starts", "start-throws", ("initializer", "index.throwing")),
            GatewayUnderTest.Function("starts", "start-exits", ("initializer", "index.exiting")),
            GatewayUnderTest.Function("starts", "start-slow", ("initializer", "index.slow"), ("worker", new { initializationTimeout = 500 })),
        ]);
    }
}
