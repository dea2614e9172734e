using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>A client that leaves ends its call, at whatever point it leaves.</summary>
public sealed class ClientLeavesTests(SharedGateway shared) : SharedGatewayTests(shared)
{
    private static readonly Ended _cancelled = new(0, 0, 1);

    internal override Task<GatewayUnderTest> StartAsync() => GatewayUnderTest.StartAsync(
    [
        .. GatewayUnderTest.StandardFunctions,
        GatewayUnderTest.Function("script", "single", ("worker", new { maxActivateRequests = 1, replicaCountLimit = 1 })),
    ]);

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task BeforeTheHead_OutcomeCancelled_CallGone_TheFunctionRunsOn(bool halfClose)
    {
        using var connection = await OpenAsync();
        var (running, go) = (Flag(), Flag());
        await connection.SendAsync(Head($"x-request-id: {Id(running)}\r\n", ["touch", running], ["await", go], ["head", 200], ["end", "late"]));
        await GatewayUnderTest.AppearsAsync(running);
        Leave(connection, halfClose);
        await EndsCancelledAsync(running);
        await NothingOpenAsync();
        Assert.Equal(1, Gateway.Node!.GetStats()["script"].Active);
        Raise(go);
        await Until.TrueAsync(() => Gateway.Node!.GetStats()["script"].Active == 0, "the worker's place is not given back");
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task MidDownload_OutcomeCancelled_ActiveCountFallsAtOnce(bool halfClose)
    {
        using var connection = await OpenAsync();
        var go = Flag();
        await connection.SendAsync(Head($"x-request-id: {Id(go)}\r\n", ["head", 200], ["write", "first"], ["await", go], ["end"]));
        await connection.ReadHeadAsync();
        Assert.Equal(5, (await connection.ReadChunkAsync())!.Length);
        Assert.Equal(1, Gateway.Node!.GetStats()["script"].Active);
        Leave(connection, halfClose);
        await EndsCancelledAsync(go);

        // The function has not ended: its place is free all the same.
        await Until.TrueAsync(() => Gateway.Node!.GetStats()["script"].Active == 0, "the worker's place is not given back");
        Raise(go);
    }

    [SkippableFact]
    public async Task MidDownload_WithAllBuffersFull_OutcomeCancelled_ActiveCountFallsAtOnce()
    {
        using var connection = await OpenAsync();
        var (first, end) = (Flag(), Flag());
        await connection.SendAsync(Head($"x-request-id: {Id(end)}\r\n", ["head", 200], ["bytes", 100_000], ["touch", first], ["bytes", 64 << 20], ["touch", end]));
        await connection.ReadHeadAsync();
        await GatewayUnderTest.AppearsAsync(first);
        Leave(connection, halfClose: false);
        await EndsCancelledAsync(end);
        await Until.TrueAsync(() => Gateway.Node!.GetStats()["script"].Active == 0, "the worker's place is not given back");
    }

    [SkippableTheory]
    [InlineData("Content-Length: 1000", "1234567890", false)]
    [InlineData("Content-Length: 1000", "1234567890", true)]
    [InlineData("Transfer-Encoding: chunked", "a\r\n1234567890\r\n", false)]
    [InlineData("Transfer-Encoding: chunked", "a\r\n1234567890\r\n", true)]
    public async Task MidUpload_BeforeTheHead_OutcomeCancelled_TheFunctionSeesItsRequestBroken(string framing, string part, bool halfClose)
    {
        using var connection = await OpenAsync();
        var (some, broken) = (Flag(), Flag());
        await connection.SendAsync(Head($"{framing}\r\nx-request-id: {Id(some)}\r\n", ["closed", broken], ["read-some", 10], ["touch", some], ["await", broken], ["head", 200], ["end"]) + part);
        await GatewayUnderTest.AppearsAsync(some);
        Leave(connection, halfClose);
        await EndsCancelledAsync(some);
        await GatewayUnderTest.AppearsAsync(broken);
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task MidUpload_AfterTheHead_OutcomeCancelled_TheFunctionSeesItsRequestBroken(bool halfClose)
    {
        using var connection = await OpenAsync();
        var broken = Flag();
        await connection.SendAsync(
            Head($"Content-Length: 1000\r\nx-request-id: {Id(broken)}\r\n", ["closed", broken], ["head", 200], ["write", "x"], ["read-some", 1000]) + "1234567890");
        await connection.ReadHeadAsync();
        Assert.Single((await connection.ReadChunkAsync())!);
        Leave(connection, halfClose);
        await EndsCancelledAsync(broken);
        await GatewayUnderTest.AppearsAsync(broken);
        await Until.TrueAsync(() => Gateway.Node!.GetStats()["script"].Active == 0, "the worker's place is not given back");
    }

    [SkippableFact]
    public async Task WhileQueued_OutcomeCancelled_CallGone()
    {
        using var first = await OpenAsync();
        var (running, go) = (Flag(), Flag());
        await first.SendAsync(HeadFor("GET", "single", "", ["touch", running], ["await", go], ["head", 200], ["end"]));
        await GatewayUnderTest.AppearsAsync(running);
        using var second = await OpenAsync();
        await second.SendAsync(HeadFor("GET", "single", $"x-request-id: {Id(go)}\r\n", ["head", 200], ["end"]));
        await Until.TrueAsync(() => Gateway.Node!.GetStats()["single"].Queued == 1, "the second request is not queued");
        Leave(second, halfClose: false);
        await Until.TrueAsync(() => Gateway.Node!.GetStats().OpenDataPlaneCalls == Listening + 1, "the queued call stays open");
        Raise(go);
        Assert.Equal(200, (await first.ReadAsync()).Status);
        Assert.Equal(new Ended(1, 0, 1), await EndedAsync());
        Assert.Contains(Gateway.Log, line => Tells499(line, Id(go)));
    }

    [SkippableFact]
    public async Task WhileAHeadRequestsBodyIsDropped_OutcomeCancelled()
    {
        using var connection = await OpenAsync();
        var (go, written) = (Flag(), Flag());
        await connection.SendAsync(HeadFor("HEAD", "script", $"x-request-id: {Id(go)}\r\n", ["head", 200], ["write", "dropped"], ["touch", written], ["await", go]));
        Assert.Equal(200, (await connection.ReadHeadAsync()).Status);
        await GatewayUnderTest.AppearsAsync(written);
        Leave(connection, halfClose: false);
        await EndsCancelledAsync(go);
        Raise(go);
    }

    [SkippableFact]
    public async Task AfterTheWholeAnswer_OutcomeCompleted()
    {
        using var connection = await OpenAsync();
        await connection.SendAsync(Head("", ["head", 200], ["end", "whole"]));
        Assert.Equal("whole", (await connection.ReadAsync()).Text);
        Leave(connection, halfClose: false);
        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
    }

    private static void Leave(RawConnection connection, bool halfClose)
    {
        if (halfClose)
        {
            connection.HalfClose();
        }
        else
        {
            connection.Reset();
        }
    }

    private static string Id(string flag) => Path.GetFileName(flag);

    private static bool Tells499(string line, string requestId) =>
        line.Contains(requestId, StringComparison.Ordinal) && line.Contains("499", StringComparison.Ordinal);

    private async Task EndsCancelledAsync(string flag)
    {
        Assert.Equal(_cancelled, await EndedAsync());
        Assert.Contains(Gateway.Log, line => Tells499(line, Id(flag)));
    }
}
