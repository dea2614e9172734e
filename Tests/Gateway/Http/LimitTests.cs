using NoslateFleet.Emulator.Node;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Http;

/// <summary>Clients that ask for too much, or take too long about it.</summary>
public sealed class LimitTests : IAsyncLifetime
{
    private GatewayUnderTest _gateway = null!;

    public async Task InitializeAsync() => _gateway = await GatewayUnderTest.StartAsync(
        settings:
        [
            ("Limits:RequestHeadersTimeout", "1s"), ("Limits:MinRequestBodyRate", "1000"), ("Limits:MinResponseRate", "100000000"),
            ("Limits:RateGracePeriod", "2s"), ("Limits:MaxRequestLineBytes", "1024"), ("Limits:MaxRequestHeaderBytes", "2048"),
            ("Limits:MaxRequestHeaders", "20"), ("Forwarding:MaxRequestBodyBytes", "5000"),
        ],
        node: directory => new EmulatorOptions { Workdir = directory, BuiltInEcho = true });

    public async Task DisposeAsync()
    {
        if (_gateway is not null)
        {
            await _gateway.DisposeAsync();
        }
    }

    [SkippableFact]
    public async Task LongRequestLine_414_Closed() => await AssertRefusedAsync("GET /" + new string('a', 1024) + " HTTP/1.1\r\nHost: t\r\n\r\n", 414);

    [SkippableFact]
    public async Task LargeHeaders_431_Closed() => await AssertRefusedAsync(
        "GET /invoke/echo HTTP/1.1\r\nHost: t\r\nX-Large: " + new string('a', 2048) + "\r\n\r\n", 431);

    [SkippableFact]
    public async Task ManyHeaders_431_Closed() => await AssertRefusedAsync(
        "GET /invoke/echo HTTP/1.1\r\nHost: t\r\n" + string.Concat(Enumerable.Range(0, 20).Select(i => $"X-{i}: 1\r\n")) + "\r\n", 431);

    [SkippableFact]
    public async Task LargeBodyByItsLength_413_NeverExecuted()
    {
        var answer = await _gateway.RawAsync("POST /invoke/echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5001\r\n\r\n");
        Assert.Equal("413 gateway body-too-large never", ProblemSeen.Of(answer).ToString());
        Assert.Equal(0, _gateway.Node!.GetStats()["echo"].Dispatched);
    }

    [SkippableFact]
    public async Task LargeBodyInChunks_413_Closed()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync("POST /invoke/mirror HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
        await connection.SendAsync("1388\r\n" + new string('a', 5000) + "\r\n1\r\na\r\n");
        var answer = await connection.ReadAsync();
        Assert.Equal("413 gateway body-too-large maybe", ProblemSeen.Of(answer).ToString());
        Assert.True(await connection.IsClosedAsync());
    }

    [SkippableFact]
    public async Task HeadersThatDoNotEnd_408_Closed()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync("GET /invoke/echo HTTP/1.1\r\nHost: t\r\nX-Slow: ");
        await AssertBareAsync(connection, 408);
    }

    [SkippableTheory]
    [InlineData("GET /invoke/echo\r\nHost: t\r\n\r\n", 400)]
    [InlineData("GET /invoke/echo HTTP/1.1\r\nHost: t\r\nno colon\r\n\r\n", 400)]
    [InlineData("GET /invoke/echo HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET /invoke/echo HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n", 400)]
    [InlineData("GET /invoke/echo HTTP/3.0\r\nHost: t\r\n\r\n", 505)]
    public async Task MalformedHead_IsTheServersOwnBareAnswer(string request, int status) => await AssertRefusedAsync(request, status);

    [SkippableFact]
    public async Task TricklingUpload_408_WhileAConversationThatStandsStillGoesOn()
    {
        using var conversation = await RawConnection.OpenAsync(_gateway.Port);
        await conversation.SendAsync("POST /invoke/echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
        Assert.Equal(200, (await conversation.ReadHeadAsync()).Status);
        Assert.Equal("hi"u8.ToArray(), await conversation.ReadChunkAsync());

        using var trickling = await RawConnection.OpenAsync(_gateway.Port);
        await trickling.SendAsync("POST /invoke/mirror HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\nabc");
        var answer = await trickling.ReadAsync();
        Assert.Equal("408 gateway request-timeout maybe", ProblemSeen.Of(answer).ToString());
        Assert.True(await trickling.IsClosedAsync());

        // It has said less for longer.
        await conversation.SendAsync("3\r\nbye\r\n0\r\n\r\n");
        Assert.Equal("bye"u8.ToArray(), await conversation.ReadChunkAsync());
        Assert.Empty((await conversation.ReadChunkAsync())!);
    }

    [SkippableFact]
    public async Task ReaderThatNeverReads_IsCut_AndTheFunctionIsFreed()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        var script = GatewayUnderTest.Script(["head", 200], ["bytes", 9_000_000], ["bytes", 9_000_000], ["bytes", 9_000_000], ["hang"]);
        await connection.SendAsync($"POST /invoke/script HTTP/1.1\r\nHost: t\r\nX-Script: {script}\r\nContent-Length: 0\r\n\r\n");
        await Until.TrueAsync(() => _gateway.Ledger.Snapshot() is { Accepted: 1, InFlight: 0 }, "the reader was not given up");
        var settled = await _gateway.SettledAsync();
        Assert.Equal(0, settled.Completed);
        await _gateway.Node!.WaitForAsync(it => it.OpenDataPlaneCalls == 1);
    }

    private async Task AssertRefusedAsync(string request, int status)
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync(request);
        await AssertBareAsync(connection, status);
        Assert.Equal(0, (await _gateway.SettledAsync()).Accepted);
        Assert.Equal(0, _gateway.Node!.GetStats()["echo"].Dispatched);
    }

    /// <summary>docs/errors.md: the bare status, an empty body, nothing of ours.</summary>
    private static async Task AssertBareAsync(RawConnection connection, int status)
    {
        var answer = await connection.ReadAsync();
        Assert.Equal((status, "", "close", null), (answer.Status, answer.Text, answer.Header("connection"), answer.Header("content-type")));
        Assert.DoesNotContain(answer.Headers, header => header.Key.StartsWith("x-", StringComparison.OrdinalIgnoreCase));
        Assert.True(await connection.IsClosedAsync());
    }
}
