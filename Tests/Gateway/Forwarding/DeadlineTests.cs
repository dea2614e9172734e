using System.Text;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>The deadline covers the time to the head; a caller may shorten it.</summary>
public sealed class DeadlineTests(SharedGateway shared) : SharedGatewayTests(shared)
{
    private static readonly TimeSpan _granted = TimeSpan.FromSeconds(20);

    // One of each for the class, as its gateway: tests of a class run one after the other.
    private static readonly JumpingTime _time = new();
    private static readonly ManualTimeProvider _nodeTime = NodeClock.Standing();

    internal override Task<GatewayUnderTest> StartAsync() => GatewayUnderTest.StartAsync(
        [
            .. GatewayUnderTest.StandardFunctions,
            GatewayUnderTest.Function("script", "single", ("worker", new { maxActivateRequests = 1, replicaCountLimit = 1 })),
        ],
        settings:
        [
            ("Routing:Routes:0:PathPrefix", "/hasty"), ("Routing:Routes:0:Function", "script"), ("Routing:Routes:0:Timeout", "20s"),
        ],
        node: NodeClock.Options,
        time: _time,
        nodeClock: _nodeTime);

    [SkippableFact]
    public async Task CallerLowersIt_RunningFunction_IsExecutionTimeout_Maybe()
    {
        var (running, go) = (Flag(), Flag());
        var call = Gateway.RawAsync(Head("x-noslate-timeout-ms: 20000\r\n", ["touch", running], ["await", go], ["head", 200], ["end"]));
        await PassAsync(running, call);
        Assert.Equal("504 worker execution-timeout maybe", ProblemSeen.Of(await call).ToString());
        Assert.Equal(new Ended(0, 1, 0), await EndedAsync());
        Raise(go);
    }

    [SkippableFact]
    public async Task CallerCantRaiseIt()
    {
        // The route has 20 s.
        var (running, go) = (Flag(), Flag());
        var script = GatewayUnderTest.Script(["touch", running], ["await", go], ["head", 200], ["end"]);
        var call = Gateway.RawAsync($"GET /hasty HTTP/1.1\r\nHost: h\r\nx-noslate-timeout-ms: 600000\r\nx-script: {script}\r\n\r\n");
        await PassAsync(running, call);
        Assert.Equal("504 worker execution-timeout maybe", ProblemSeen.Of(await call).ToString());
        Assert.Equal(new Ended(0, 1, 0), await EndedAsync());
        Raise(go);
    }

    [SkippableFact]
    public async Task WhileQueued_IsQueueTimeout_Never_AndTheFunctionDoesNotRun()
    {
        using var first = await OpenAsync();
        var (running, go, ran) = (Flag(), Flag(), Flag());
        await first.SendAsync(HeadFor("GET", "single", "", ["touch", running], ["await", go], ["head", 200], ["end", "first"]));
        await GatewayUnderTest.AppearsAsync(running);
        var queued = Gateway.RawAsync(HeadFor("GET", "single", "x-noslate-timeout-ms: 20000\r\n", ["touch", ran], ["head", 200], ["end"]));
        await Gateway.Node!.WaitForAsync(it => it["single"].Queued == 1);
        await PassAsync(running, queued);
        Assert.Equal("504 data-plane queue-timeout never", ProblemSeen.Of(await queued).ToString());
        Raise(go);
        Assert.Equal("first", (await first.ReadAsync()).Text);
        Assert.Equal("third", (await Gateway.RawAsync(HeadFor("GET", "single", "", ["head", 200], ["end", "third"]))).Text);
        Assert.False(File.Exists(ran));
        Assert.Equal(new Ended(2, 1, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task StreamingBody_MayRunPastIt()
    {
        using var streaming = await OpenAsync();
        var go = Flag();
        await streaming.SendAsync(Head("x-noslate-timeout-ms: 20000\r\n", ["head", 200], ["write", "one"], ["await", go], ["end", "two"]));
        Assert.Equal(200, (await streaming.ReadHeadAsync()).Status);
        Assert.Equal("one", Encoding.UTF8.GetString((await streaming.ReadChunkAsync())!));

        // Twice what was granted, on both clocks, and less than the idle limit.
        _nodeTime.Advance(_granted * 2);
        _time.Jump(_granted * 2);
        Raise(go);
        Assert.Equal("two", Encoding.UTF8.GetString((await streaming.ReadChunkAsync())!));
        Assert.Empty((await streaming.ReadChunkAsync())!);
        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
        _nodeTime.SetTo(_time);
    }

    [SkippableTheory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("soon")]
    [InlineData("")]
    public async Task NotUnderstood_IsRefused_Uncounted(string wish)
    {
        var response = await Gateway.RawAsync(Head($"x-noslate-timeout-ms: {wish}\r\n", ["head", 200], ["end"]));
        Assert.Equal("400 gateway bad-timeout never", ProblemSeen.Of(response).ToString());
        Assert.Equal(new Ended(0, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task TimedOut_LeavesNoCallOpen_AndTheConnectionGoesOn()
    {
        using var connection = await OpenAsync();
        var (running, go) = (Flag(), Flag());
        await connection.SendAsync(Head("x-noslate-timeout-ms: 20000\r\n", ["touch", running], ["await", go], ["head", 200], ["end"]));
        var answer = connection.ReadAsync();
        await PassAsync(running, answer);
        Assert.Equal(504, (await answer).Status);
        await NothingOpenAsync();
        Raise(go);
        await connection.SendAsync(Head("", ["head", 200], ["end", "next"]));
        Assert.Equal("next", (await connection.ReadAsync()).Text);
        await Until.TrueAsync(() => Gateway.Node!.GetStats()["script"].Active == 0, "the worker's place is not given back");
    }

    /// <summary>Once the function runs, lets the node's time pass to each deadline that is no later than was granted, until there is an answer.</summary>
    private static async Task PassAsync(string running, Task answered)
    {
        await GatewayUnderTest.AppearsAsync(running);

        // One after the other: on a busy machine the node may not yet have put away the deadline of a call before, or begin to wait only when none of the
        // time is left.
        await Until.TrueAsync(
            () =>
            {
                if (!answered.IsCompleted && _nodeTime.UntilNextTimer is { } next && _nodeTime.GetUtcNow() + next <= _time.GetUtcNow() + _granted)
                {
                    _nodeTime.Advance(next);
                }

                return answered.IsCompleted;
            },
            "the deadline passes, and nothing is answered");
        _nodeTime.SetTo(_time);
    }
}
