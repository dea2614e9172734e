using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Emulator.Harness;

namespace NoslateFleet.Tests.Emulator.DataPlane;

/// <summary>Every row of the error table, by its exact words.</summary>
public sealed class ErrorTableTests
{
    private const string Internal = "Noslated request failed: CanonicalCode::INTERNAL_ERROR request kind(Trigger), ";
    private const string Reset = "Noslated request failed: CanonicalCode::CONNECTION_RESET request kind(Trigger), Session closed";
    private const string TimedOut = "Noslated request failed: CanonicalCode::TIMEOUT request kind(Trigger), Request Timeout";

    [SkippableFact]
    public async Task UnknownFunction_IsCode5_AndTheStreamNeverEnds()
    {
        await using TestNode node = await TestNode.StartAsync();
        using RpcTestCall call = await node.OpenAsync(node.Request("nobody"));
        call.Complete();
        InvokeErrorResponse error = (await call.ReadAsync())!.Error;
        Check(error, "Error", 5, "No function named nobody registered in this node.");
        Assert.Equal("", error.Operation);
        Assert.Equal("", error.PeerStack);

        // The emulator's own books say that the call is open until its client ends it.
        Task<byte[]?> end = call.ReadMessageAsync();
        Assert.Equal(1, node.Node.GetStats().OpenDataPlaneCalls);
        Assert.False(end.IsCompleted);
        call.Cancel();
        await node.Node.WaitForAsync(it => it.OpenDataPlaneCalls == 0);
        await Assert.ThrowsAnyAsync<Exception>(() => end);
    }

    [SkippableFact]
    public async Task UnknownService_IsCode5()
    {
        await using TestNode node = await TestNode.StartAsync();
        Outcome outcome = await node.CallAsync(node.Request("nobody"), TestNode.InvokeService);
        Check(outcome.Error, "Error", 5, "Service not found.");
    }

    [SkippableFact]
    public async Task RateLimitUsedUp_IsCode8()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("hello", change: it =>
            it.RateLimit = new RateLimit { MaxTokenCount = 2, TokensPerFill = 1, FillInterval = 1000 }));
        Assert.Equal("hello", (await node.CallAsync("hello")).Text);
        Assert.Equal("hello", (await node.CallAsync("hello")).Text);
        Check((await node.CallAsync("hello")).Error, "Error", 8, "rate limit exceeded");
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("hello", (await node.CallAsync("hello")).Text);
        Check((await node.CallAsync("hello")).Error, "Error", 8, "rate limit exceeded");
    }

    [SkippableFact]
    public async Task BreakerOpen_IsCode9_ForFunctionsAndServices()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello"));
        node.Node.ForceCircuitBreaker(true);
        Check((await node.CallAsync("hello")).Error, "Error", 9, "System circuit breaker opened.");
        Check((await node.CallAsync(node.Request("s"), TestNode.InvokeService)).Error, "Error", 9, "System circuit breaker opened.");
        node.Node.ForceCircuitBreaker(false);
        Assert.Null((await node.CallAsync("hello")).Error);
    }

    [SkippableFact]
    public async Task DeadlineWhileQueued_IsCode4_AndNamesDeadlineAndRequest()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("gate", change: it =>
        {
            it.Worker.MaxActivateRequests = 1;
            it.Worker.ReplicaCountLimit = 1;
        }));
        using RpcTestCall first = await node.OpenAsync(node.Request("gate", "/wait/a"));
        await node.Node.WaitForAsync(it => it["gate"].Active == 1);
        double deadline = node.NowMs + 5000;
        Task<Outcome> queued = node.CallAsync(node.Request("gate", "/wait/a", deadline));
        await node.Node.WaitForAsync(it => it["gate"].Queued == 1);
        clock.Advance(TimeSpan.FromMilliseconds(5000));
        Check((await queued).Error, "Error", 4, $"Waiting for worker has timed out at {deadline:F0}, request(r-1).");
        Assert.Equal(0, node.Node.GetStats()["gate"].Queued);
    }

    [SkippableFact]
    public async Task DeadlineWhileRunning_IsTimeout_AndTheWorkersPlaceIsFreeAtOnce()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("never"));
        Task<Outcome> call = node.CallAsync(node.Request("never", deadline: node.NowMs + 3000));
        await node.Node.WaitForAsync(it => it["never"].Active == 1);

        // The timer of the run is armed after the worker counts the request.
        await clock.WhenArmedAsync(TimeSpan.FromSeconds(3));
        clock.Advance(TimeSpan.FromSeconds(3));
        Check((await call).Error, "NoslatedError", 2, TimedOut, "Trigger");
        await node.Node.WaitForAsync(it => it["never"].Active == 0);
    }

    [SkippableTheory]
    [InlineData("throws", "oops")]
    [InlineData("throwsSync", "oops sync")]
    [InlineData("throwsString", "just text")]
    [InlineData("notAFunction", "Handler index.notAFunction is not a function.")]
    [InlineData("missing", "Handler index.missing is not a function.")]
    public async Task HandlerFails_IsInternalError_WithThePeersStack(string export, string message)
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("f", export));
        Outcome outcome = await node.CallAsync("f");
        Check(outcome.Error, "NoslatedError", 1, Internal + message, "Trigger");
        Assert.NotEqual("", outcome.Error!.PeerStack);
        await node.Node.WaitForAsync(it => it["f"].Active == 0);
    }

    [SkippableTheory]
    [InlineData("nofile.handler", "Cannot find module")]
    [InlineData("nodots", "Invalid handler key nodots")]
    [InlineData("", "No handler specified")]
    public async Task BadHandlerKey_IsInternalError_AtTheCall(string handler, string message)
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("f", change: it => it.Handler = handler));
        Outcome outcome = await node.CallAsync("f");
        Assert.StartsWith(Internal + message, outcome.Error?.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task ThrowNull_Is200WithAnEmptyBody()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("throwsNull"));
        Outcome outcome = await node.CallAsync("throwsNull");
        Assert.Null(outcome.Error);
        Assert.Equal(200, outcome.Status);
        Assert.Empty(outcome.Body);
    }

    [SkippableTheory]
    [InlineData("exits")]
    [InlineData("uncaught")]
    [InlineData("unhandled")]
    public async Task WorkerExitsBeforeTheHead_IsConnectionReset(string export)
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("f", export));
        Outcome outcome = await node.CallAsync("f");
        Check(outcome.Error, "NoslatedError", 4, Reset, "Trigger");
        await node.Node.WaitForAsync(it => it["f"].Workers.Count == 0);
    }

    [SkippableTheory]
    [InlineData("throwsAfterHead", "part")]
    [InlineData("destroysAfterHead", "")]
    public async Task FailsAfterTheHead_IsPeerReset_ThenStatus0(string export, string body)
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("f", export));
        using RpcTestCall call = await node.OpenAsync(node.Request("f"));
        call.Complete();
        Outcome outcome = await TestNode.ReadOutcomeAsync(call);
        Assert.Equal(200, outcome.Status);
        Assert.Equal(body, outcome.Text);
        Check(outcome.Error, "Error", 0, "peer reset stream");
        Assert.Null(await call.ReadMessageAsync());
        Assert.Equal((0, "OK"), await call.StatusAsync());
    }

    [SkippableFact]
    public async Task ExitsAfterTheHead_IsPeerConnectionClosed_ThenStatus0()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("f", "exitsAfterHead"));
        using RpcTestCall call = await node.OpenAsync(node.Request("f"));
        call.Complete();
        Outcome outcome = await TestNode.ReadOutcomeAsync(call);
        Assert.Equal("part", outcome.Text);
        Check(outcome.Error, "PEER_CONNECTION_CLOSED", 0, "Peer connection closed");
        Assert.Null(await call.ReadMessageAsync());
        Assert.Equal((0, "OK"), await call.StatusAsync());
    }

    [SkippableFact]
    public async Task QueueDisabled_FailsAtOnce_ButStartsAWorker()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello", change: it => it.Worker.DisableRequestQueue = true));
        Check((await node.CallAsync("hello")).Error, "Error", 0, "No available worker process for hello now.");
        await node.Node.WaitForAsync(it => it["hello"].Ready == 1);
        Assert.Equal("hello", (await node.CallAsync("hello")).Text);
    }

    [SkippableFact]
    public async Task ReplicaLimit_KeepsRequestsQueued_UntilAWorkerIsFree()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("gate", change: it =>
        {
            it.Worker.MaxActivateRequests = 1;
            it.Worker.ReplicaCountLimit = 1;
        }));
        using RpcTestCall first = await node.OpenAsync(node.Request("gate", "/head/a"));
        await first.ReadAsync();
        Task<Outcome> second = node.CallAsync("gate", "/open/a");
        await node.Node.WaitForAsync(it => it["gate"].Queued == 1);
        first.Cancel();
        Assert.Equal("opened", (await second).Text);
    }

    [SkippableFact]
    public async Task ReplicaLimitWithFastFail_FailsTheQueue()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("gate", change: it =>
        {
            it.Worker.MaxActivateRequests = 1;
            it.Worker.ReplicaCountLimit = 1;
            it.Worker.FastFailRequestsOnStarting = true;
        }));
        using RpcTestCall first = await node.OpenAsync(node.Request("gate", "/head/a"));
        await first.ReadAsync();
        Check((await node.CallAsync("gate")).Error, "Error", 0, "Replica count exceeded limit (1 / 1)");
    }

    [SkippableFact]
    public async Task NoMemory_IsTold()
    {
        await using TestNode node = await TestNode.StartAsync(
            options: it => new() { Workdir = it, VirtualMemoryPoolBytes = 1000 });
        await node.SetAsync(TestNode.Function("hello"));
        Check((await node.CallAsync("hello")).Error, "Error", 0, "No enough virtual memory (used: 0 + need: 536870912) > total: 1000");
    }

    [SkippableTheory]
    [InlineData("file:///nowhere/at/all", "ENOENT: no such file or directory, stat '/nowhere/at/all'")]
    [InlineData("ftp://x", "invalid url ftp://x")]
    [InlineData("https://example.invalid/f.zip", "use a real Noslate node")]
    public async Task CodeNotToBeHad_IsTold(string url, string why)
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello", change: it => it.Url = url));
        Outcome outcome = await node.CallAsync("hello");
        Assert.StartsWith("Failed to ensure (or download) code: Error: ", outcome.Error?.Message, StringComparison.Ordinal);
        Assert.Contains(why, outcome.Error?.Message, StringComparison.Ordinal);
        Assert.Equal(("Error", 0), (outcome.Error!.Name, outcome.Error.Code));
    }

    [SkippableFact]
    public async Task BadRuntime_IsTold()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello", change: it => it.Runtime = "deno"));
        Check((await node.CallAsync("hello")).Error, "Error", 0, "Invalid runtime deno");
    }

    [SkippableFact]
    public async Task Aworker_NamesTheRealNodeAsTheWay()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello", change: it => it.Runtime = "aworker"));
        Check(
            (await node.CallAsync("hello")).Error,
            "Error",
            0,
            "Runtime aworker does not exist in the emulator, which runs nodejs only; run this function on a real Noslate node");
    }

    [SkippableTheory]
    [InlineData("badInitializer")]
    [InlineData("exitInitializer")]
    public async Task InitializerFails_IsTold(string initializer)
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello", change: it => it.Initializer = $"index.{initializer}"));
        Outcome outcome = await node.CallAsync("hello");
        Assert.Matches(@"^Internal error: Error: Worker\(hello-[0-9a-f]{7}, status 3\) stopped unexpected after start\.$", outcome.Error?.Message);
        Assert.Equal(("Error", 0), (outcome.Error!.Name, outcome.Error.Code));
        await node.Node.WaitForAsync(it => it["hello"].Workers.Count == 0);
    }

    [SkippableFact]
    public async Task InitializerTooSlow_IsTold()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello", change: it =>
        {
            it.Initializer = "index.slowInitializer";
            it.Worker.InitializationTimeout = 600;
        }));
        Outcome outcome = await node.CallAsync("hello");
        Assert.Matches(@"^Internal error: Error: Worker\(hello-.*\) initialization timeout\.$", outcome.Error?.Message);
        await node.Node.WaitForAsync(it => it["hello"].Workers.Count == 0);
    }

    private static void Check(InvokeErrorResponse? error, string name, int code, string message, string operation = "")
    {
        Assert.NotNull(error);
        Assert.Equal((name, code, message, operation), (error.Name, error.Code, error.Message, error.Operation));
        Assert.NotEqual("", error.Stack);
    }
}
