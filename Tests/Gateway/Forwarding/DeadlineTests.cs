using System.Text;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>The deadline covers the time to the head; a caller may shorten it.</summary>
public sealed class DeadlineTests(SharedGateway shared) : SharedGatewayTests(shared)
{
    internal override Task<GatewayUnderTest> StartAsync() => GatewayUnderTest.StartAsync(
        [
            .. GatewayUnderTest.StandardFunctions,
            GatewayUnderTest.Function("script", "single", ("worker", new { maxActivateRequests = 1, replicaCountLimit = 1 })),
        ],
        settings:
        [
            ("Routing:Routes:0:PathPrefix", "/hasty"), ("Routing:Routes:0:Function", "script"), ("Routing:Routes:0:Timeout", "200ms"),
        ]);

    [SkippableFact]
    public async Task CallerLowersIt_RunningFunction_IsExecutionTimeout_Maybe()
    {
        var go = Flag();
        var response = await Gateway.RawAsync(Head("x-noslate-timeout-ms: 200\r\n", ["await", go], ["head", 200], ["end"]));
        Assert.Equal("504 worker execution-timeout maybe", ProblemSeen.Of(response).ToString());
        Assert.Equal(new Ended(0, 1, 0), await EndedAsync());
        Raise(go);
    }

    [SkippableFact]
    public async Task CallerCantRaiseIt()
    {
        // The route has 200 ms: an answer within the reading limit of this client (30 s) shows that 10 minutes were not granted.
        var go = Flag();
        var response = await Gateway.RawAsync(
            $"GET /hasty HTTP/1.1\r\nHost: h\r\nx-noslate-timeout-ms: 600000\r\nx-script: {GatewayUnderTest.Script(["await", go], ["head", 200], ["end"])}\r\n\r\n");
        Assert.Equal("504 worker execution-timeout maybe", ProblemSeen.Of(response).ToString());
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
        var queued = await Gateway.RawAsync(HeadFor("GET", "single", "x-noslate-timeout-ms: 100\r\n", ["touch", ran], ["head", 200], ["end"]));
        Assert.Equal("504 data-plane queue-timeout never", ProblemSeen.Of(queued).ToString());
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
        await streaming.SendAsync(Head("x-noslate-timeout-ms: 1000\r\n", ["head", 200], ["write", "one"], ["await", go], ["end", "two"]));
        Assert.Equal(200, (await streaming.ReadHeadAsync()).Status);
        Assert.Equal("one", Encoding.UTF8.GetString((await streaming.ReadChunkAsync())!));

        // A second request with the same limit, begun later: when it has run out, so has the first one's.
        var never = Flag();
        var response = await Gateway.RawAsync(Head("x-noslate-timeout-ms: 1000\r\n", ["await", never], ["head", 200], ["end"]));
        Assert.Equal("504 worker execution-timeout maybe", ProblemSeen.Of(response).ToString());
        Raise(never);
        Raise(go);
        Assert.Equal("two", Encoding.UTF8.GetString((await streaming.ReadChunkAsync())!));
        Assert.Empty((await streaming.ReadChunkAsync())!);
        Assert.Equal(new Ended(1, 1, 0), await EndedAsync());
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
        var go = Flag();
        await connection.SendAsync(Head("x-noslate-timeout-ms: 100\r\n", ["await", go], ["head", 200], ["end"]));
        Assert.Equal(504, (await connection.ReadAsync()).Status);
        await NothingOpenAsync();
        Raise(go);
        await connection.SendAsync(Head("", ["head", 200], ["end", "next"]));
        Assert.Equal("next", (await connection.ReadAsync()).Text);
        await Until.TrueAsync(() => Gateway.Node!.GetStats()["script"].Active == 0, "the worker's place is not given back");
    }
}
