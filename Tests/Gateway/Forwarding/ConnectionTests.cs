using System.Text;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>HTTP/1 connections: kept, pipelined, old, idle, and many at a time.</summary>
public sealed class ConnectionTests(SharedGateway shared) : SharedGatewayTests(shared)
{
    private const int Crowd = 200;

    [SkippableFact]
    public async Task KeepAlive_ManyRequests_EachGetsItsOwnAnswer()
    {
        using var connection = await OpenAsync();
        for (var i = 0; i < 100; i++)
        {
            await connection.SendAsync(Head($"x-request-id: r{i}\r\n", ["head", 200 + i], ["end", $"answer {i}"]));
            var response = await connection.ReadAsync();
            Assert.Equal((200 + i, i is 4 or 5 ? "" : $"answer {i}", $"r{i}"), (response.Status, response.Text, response.Header("x-request-id")));
        }

        Assert.Equal(new Ended(100, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task Pipelined_AnswersComeInOrder()
    {
        using var connection = await OpenAsync();
        await connection.SendAsync(string.Concat(Enumerable.Range(0, 20).Select(i => i % 2 == 0
            ? Head("", ["head", 200], ["end", $"answer {i}"])
            : HeadFor("POST", "script", "Content-Length: 6\r\n", ["head", 200], ["echo"]) + $"body{i:00}")));
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(i % 2 == 0 ? $"answer {i}" : $"body{i:00}", (await connection.ReadAsync()).Text);
        }

        Assert.Equal(new Ended(20, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task Expect100_IsAnsweredWhenTheBodyIsWanted_AndNotPassedOn()
    {
        using var connection = await OpenAsync();
        await connection.SendAsync("POST /invoke/mirror HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        Assert.Equal(100, (await connection.ReadHeadAsync()).Status);
        await connection.SendAsync("body");
        var seen = Mirrored.Of(await connection.ReadAsync());
        Assert.Equal("body", Encoding.ASCII.GetString(seen.Body));
        Assert.Null(seen.Header("expect"));
    }

    [SkippableFact]
    public async Task Http10_ShortAnswer_IsNotChunked_ConnectionCloses()
    {
        using var connection = await OpenAsync();
        await connection.SendAsync($"GET /invoke/script HTTP/1.0\r\nx-script: {GatewayUnderTest.Script(["head", 200], ["end", "short"])}\r\n\r\n");
        var response = await connection.ReadAsync();
        Assert.Equal((200, "short"), (response.Status, response.Text));
        Assert.Null(response.Header("transfer-encoding"));
        Assert.True(await connection.IsClosedAsync());
    }

    [SkippableFact]
    public async Task Http10_StreamedAnswer_EndsWithTheConnection_NotChunked()
    {
        using var connection = await OpenAsync();
        var go = Flag();
        await connection.SendAsync(
            $"GET /invoke/script HTTP/1.0\r\nx-script: {GatewayUnderTest.Script(["head", 200], ["write", "one"], ["await", go], ["end", "two"])}\r\n\r\n");
        var response = await connection.ReadHeadAsync();
        Assert.Null(response.Header("transfer-encoding"));
        Assert.Null(response.Header("content-length"));
        Raise(go);
        var text = new MemoryStream();
        while (await connection.ReadByteAsync() is { } b)
        {
            text.WriteByte(b);
        }

        Assert.Equal("onetwo", Encoding.ASCII.GetString(text.ToArray()));
        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task Http10_KeepAlive_AnswerWithALength_IsKept()
    {
        using var connection = await OpenAsync();
        for (var i = 0; i < 2; i++)
        {
            await connection.SendAsync(
                $"GET /invoke/script HTTP/1.0\r\nConnection: keep-alive\r\nx-script: {GatewayUnderTest.Script(["head", 200, new Dictionary<string, string> { ["content-length"] = "1" }], ["end", $"{i}"])}\r\n\r\n");
            Assert.Equal($"{i}", (await connection.ReadAsync()).Text);
        }
    }

    [SkippableFact]
    public async Task ConnectionClose_IsHeld()
    {
        using var connection = await OpenAsync();
        await connection.SendAsync(Head("Connection: close\r\n", ["head", 200], ["end", "last"]));
        var response = await connection.ReadAsync();
        Assert.Equal(("last", "close"), (response.Text, response.Header("connection")));
        Assert.True(await connection.IsClosedAsync());
    }

    [SkippableFact]
    public async Task Idle_IsNotClosed_TheNextRequestIsServed()
    {
        using var connection = await OpenAsync();
        await connection.SendAsync(Head("", ["head", 200], ["end", "before"]));
        Assert.Equal("before", (await connection.ReadAsync()).Text);

        // Real time, because what could close the connection is Kestrel's own heartbeat: it looks once a second, by a clock that
        // can't be given to it. Three looks have surely passed after this.
        await Task.Delay(TimeSpan.FromSeconds(3.5));
        await connection.SendAsync(Head("", ["head", 200], ["end", "after"]));
        Assert.Equal("after", (await connection.ReadAsync()).Text);
        Assert.Equal(new Ended(2, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task Crowd_OfEchoesErrorsAndLeavers_EveryOneIsCountedAsWhatItWas()
    {
        // Per four: an echo, an error before the head, a cut after it, a client that leaves in mid-answer.
        await Task.WhenAll(Enumerable.Range(0, Crowd).Select(async i =>
        {
            using var connection = await OpenAsync();
            switch (i % 4)
            {
                case 0:
                    await connection.SendAsync(HeadFor("POST", "script", "Content-Length: 40000\r\n", ["head", 200], ["echo"]));
                    await connection.SendAsync(Enumerable.Repeat((byte)i, 40_000).ToArray());
                    var echo = await connection.ReadAsync();
                    Assert.Equal((200, true, 40_000), (echo.Status, echo.Whole, echo.Body.Length));
                    Assert.Equal(-1, echo.Body.AsSpan().IndexOfAnyExcept((byte)i));
                    break;
                case 1:
                    await connection.SendAsync(Head("", ["throw"]));
                    Assert.Equal("502 worker function-error yes", ProblemSeen.Of(await connection.ReadAsync()).ToString());
                    break;
                case 2:
                    var go = Flag();
                    await connection.SendAsync(Head("", ["head", 200], ["write", "x"], ["await", go], ["throw"]));
                    await connection.ReadHeadAsync();
                    Assert.Single((await connection.ReadChunkAsync())!);
                    Raise(go);
                    Assert.Null(await connection.ReadChunkAsync());
                    break;
                default:
                    await connection.SendAsync(Head($"x-request-id: leaver-{i}\r\n", ["head", 200], ["write", "x"], ["hang"]));
                    Assert.Equal(200, (await connection.ReadHeadAsync()).Status);
                    connection.Reset();
                    break;
            }
        }));
        var ended = await EndedAsync();
        Assert.DoesNotContain(Gateway.Log, line => line.Contains("leaver-", StringComparison.Ordinal) && !line.Contains("499", StringComparison.Ordinal));
        Assert.Equal(new Ended(Crowd / 4, Crowd / 2, Crowd / 4), ended);
    }
}
