using System.Text;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>One invocation, end to end: what the function sees and what the caller gets.</summary>
public sealed class RoundTripTests : IAsyncLifetime
{
    private GatewayUnderTest _gateway = null!;

    public async Task InitializeAsync() => _gateway = await GatewayUnderTest.StartAsync();

    public async Task DisposeAsync()
    {
        if (_gateway is not null)
        {
            await _gateway.DisposeAsync();
        }
    }

    [SkippableFact]
    public async Task Url_IsTheRawTarget_NotDecodedNorNormalised()
    {
        var seen = Mirrored.Of(await _gateway.RawAsync("GET /invoke/mirror/a/../b%2F%20//c?x=%41&y=+ HTTP/1.1\r\nHost: h\r\n\r\n"));
        Assert.Equal("/a/../b%2F%20//c?x=%41&y=+", seen.Url);
        seen = Mirrored.Of(await _gateway.RawAsync("GET /invoke/mirror HTTP/1.1\r\nHost: h\r\n\r\n"));
        Assert.Equal("/", seen.Url);
        seen = Mirrored.Of(await _gateway.RawAsync("GET http://h/invoke/mirror?q HTTP/1.1\r\nHost: h\r\n\r\n"));
        Assert.Equal("/?q", seen.Url);
    }

    [SkippableFact]
    public async Task Headers_LowerCase_RepeatedInOrder_CookiesJoined_Utf8Kept()
    {
        var seen = Mirrored.Of(await _gateway.RawAsync(
            "GET /invoke/mirror HTTP/1.1\r\nHost: h\r\nX-Two: b\r\nX-Two: a\r\nCookie: a=1\r\nCookie: b=2\r\nX-Utf8: 你好\r\nX-Empty:\r\n\r\n"));
        Assert.Equal(["b", "a"], seen.All("x-two"));
        Assert.Equal("a=1; b=2", seen.Header("cookie"));
        Assert.Equal("你好", seen.Header("x-utf8"));
        Assert.Equal("", seen.Header("x-empty"));
        Assert.All(seen.Headers, h => Assert.Equal(h[0].ToLowerInvariant(), h[0]));
    }

    [SkippableFact]
    public async Task Body_IsBinaryExact_BothWays()
    {
        var body = new byte[300_000];
        new Random(7).NextBytes(body);
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync($"POST /invoke/mirror HTTP/1.1\r\nHost: h\r\nContent-Length: {body.Length}\r\n\r\n");
        await connection.SendAsync(body);
        Assert.Equal(body, Mirrored.Of(await connection.ReadAsync()).Body);
    }

    [SkippableFact]
    public async Task Body_Chunked_Arrives()
    {
        var seen = Mirrored.Of(await _gateway.RawAsync("POST /invoke/mirror HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
        Assert.Equal("abcde", Encoding.UTF8.GetString(seen.Body));
        Assert.Null(seen.Header("transfer-encoding"));
    }

    [SkippableFact]
    public async Task Response_StatusHeadersAndBody_Arrive()
    {
        var script = GatewayUnderTest.Script(["head", 418, new Dictionary<string, object> { ["X-Mine"] = "yes", ["Set-Cookie"] = new[] { "a=1", "b=2" } }], ["end", "teapot"]);
        var response = await _gateway.RawAsync($"GET /invoke/script HTTP/1.1\r\nHost: h\r\nx-script: {script}\r\nx-request-id: abc-1\r\n\r\n");
        Assert.Equal((418, "teapot"), (response.Status, response.Text));
        Assert.Equal(["a=1", "b=2"], response.All("set-cookie"));
        Assert.Equal("yes", response.Header("x-mine"));
        Assert.Equal("abc-1", response.Header("x-request-id"));
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), await _gateway.SettledAsync());
    }

    [SkippableFact]
    public async Task Response_Streams_EachWriteIsSeenBeforeTheNextIsMade()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        var go = _gateway.Flag("go");
        await connection.SendAsync(
            $"GET /invoke/script HTTP/1.1\r\nHost: h\r\nx-script: {GatewayUnderTest.Script(["head", 200], ["write", "one"], ["await", go], ["write", "two"], ["end"])}\r\n\r\n");
        Assert.Equal(200, (await connection.ReadHeadAsync()).Status);
        Assert.Equal("one", Encoding.UTF8.GetString((await connection.ReadChunkAsync())!));
        await File.WriteAllTextAsync(go, "");
        Assert.Equal("two", Encoding.UTF8.GetString((await connection.ReadChunkAsync())!));
        Assert.Empty((await connection.ReadChunkAsync())!);
    }

    [SkippableFact]
    public async Task Request_Streams_TheFunctionAnswersBeforeTheUploadEnds()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync($"POST /invoke/script HTTP/1.1\r\nHost: h\r\nx-script: {GatewayUnderTest.Script(["head", 200], ["echo"])}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        await connection.ReadHeadAsync();
        Assert.Equal("first", Encoding.UTF8.GetString((await connection.ReadChunkAsync())!));
        await connection.SendAsync("6\r\nsecond\r\n0\r\n\r\n");
        Assert.Equal("second", Encoding.UTF8.GetString((await connection.ReadChunkAsync())!));
        Assert.Empty((await connection.ReadChunkAsync())!);
    }

    [SkippableFact]
    public async Task ErrorAfterHead_CutsTheConnection_NoLastChunk_OutcomeFailed()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        var go = _gateway.Flag("go");
        await connection.SendAsync(
            $"GET /invoke/script HTTP/1.1\r\nHost: h\r\nx-script: {GatewayUnderTest.Script(["head", 200], ["write", "half"], ["await", go], ["throw"])}\r\n\r\n");
        Assert.Equal(200, (await connection.ReadHeadAsync()).Status);

        // Until the head has left, the error would be told by a status of its own.
        await File.WriteAllTextAsync(go, "");
        Assert.NotNull(await connection.ReadChunkAsync());
        Assert.Null(await connection.ReadChunkAsync());
        Assert.True(await connection.IsClosedAsync());
        Assert.Equal(new LedgerSnapshot(1, 0, 1, 0, 0, 0), await _gateway.SettledAsync());
    }

    [SkippableFact]
    public async Task ClientLeavesWhileTheFunctionRuns_OutcomeCancelled_LoggedAs499()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        var running = _gateway.Flag("running");
        await connection.SendAsync($"GET /invoke/script HTTP/1.1\r\nHost: h\r\nx-script: {GatewayUnderTest.Script(["touch", running], ["hang"])}\r\n\r\n");
        await GatewayUnderTest.AppearsAsync(running);
        connection.Reset();
        Assert.Equal(new LedgerSnapshot(1, 0, 0, 1, 0, 0), await _gateway.SettledAsync());
        Assert.Contains(_gateway.Log, line => line.Contains("499", StringComparison.Ordinal));
    }
}
