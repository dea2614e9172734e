using System.IO.Compression;
using System.Text;
using Microsoft.Extensions.Logging;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Http;

/// <summary>What becomes of the special requests of HTTP/1.1, seen from the bytes.</summary>
public sealed class RequestRulesTests : IAsyncLifetime
{
    private GatewayUnderTest _gateway = null!;

    public async Task InitializeAsync() => _gateway = await GatewayUnderTest.StartAsync(
        settings: [("Forwarding:MaxRequestBodyBytes", "100000")],
        node: directory => new EmulatorOptions { Workdir = directory, BuiltInEcho = true });

    public async Task DisposeAsync()
    {
        if (_gateway is not null)
        {
            await _gateway.DisposeAsync();
        }
    }

    [SkippableTheory]
    [InlineData("/nowhere", 10, 404)]
    [InlineData("/invoke/echo", 100_001, 413)]
    public async Task ExpectContinue_OfARefusedRequest_IsNeverAsked(string path, int length, int status)
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync($"POST {path} HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n");

        // An interim answer would be the first head.
        var answer = await connection.ReadAsync();
        Assert.Equal(status, answer.Status);
        Assert.Equal("never", ProblemSeen.Of(answer).Executed);

        // Whether the body follows is for the client to choose: a next request must not be taken for it.
        Assert.Equal("close", answer.Header("connection"));
        Assert.True(await connection.IsClosedAsync());
        Assert.Equal(0, (await _gateway.SettledAsync()).Accepted);
    }

    [SkippableFact]
    public async Task ExpectContinue_OfAnAcceptedRequest_IsAsked()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync("POST /invoke/mirror HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
        Assert.Equal(100, (await connection.ReadHeadAsync()).Status);
        await connection.SendAsync("body");
        var answer = await connection.ReadAsync();
        Assert.Equal("body"u8.ToArray(), Mirrored.Of(answer).Body);
        Assert.Null(Mirrored.Of(answer).Header("expect"));
    }

    [SkippableTheory]
    [InlineData("GET /invoke/echo HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "501 gateway upgrade-not-supported never")]
    [InlineData("GET /invoke/echo HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: foo/2\r\n\r\n", "501 gateway upgrade-not-supported never")]
    [InlineData("POST /invoke/echo HTTP/1.1\r\nHost: t\r\nConnection: keep-alive, upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc", "501 gateway upgrade-not-supported never")]
    [InlineData("TRACE /invoke/echo HTTP/1.1\r\nHost: t\r\n\r\n", "405 gateway method-not-allowed never")]
    [InlineData("CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n", "405 gateway method-not-allowed never")]
    [InlineData("POST /invoke/echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 gateway ambiguous-request never")]
    [InlineData("POST /invoke/echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "400 gateway ambiguous-request never")]
    public async Task Unfit_IsToldApart_AndNeverForwarded(string request, string problem)
    {
        var answer = await _gateway.RawAsync(request);
        Assert.Equal(problem, ProblemSeen.Of(answer).ToString());
        Assert.Equal(0, _gateway.Node!.GetStats()["echo"].Dispatched);
    }

    [SkippableFact]
    public async Task BothLengths_TheConnectionIsClosed_SoNothingHiddenBehindIsServed()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync(
            "POST /invoke/echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /invoke/echo HTTP/1.1\r\nHost: t\r\n\r\n");
        Assert.Equal(400, (await connection.ReadAsync()).Status);
        Assert.True(await connection.IsClosedAsync());
        Assert.Equal(0, _gateway.Node!.GetStats()["echo"].Dispatched);
    }

    [SkippableFact]
    public async Task OfferOfH2c_IsPassedOver()
    {
        var answer = await _gateway.RawAsync(
            "GET /invoke/mirror HTTP/1.1\r\nHost: t\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
        Assert.Equal(200, answer.Status);
        Assert.Null(Mirrored.Of(answer).Header("upgrade"));
    }

    [SkippableFact]
    public async Task CompressedBody_ArrivesCompressed()
    {
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionMode.Compress, leaveOpen: true))
        {
            await gzip.WriteAsync(new byte[1000]);
        }

        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync(
            $"POST /invoke/mirror HTTP/1.1\r\nHost: t\r\nContent-Encoding: gzip\r\nContent-Length: {packed.Length}\r\n\r\n");
        await connection.SendAsync(packed.ToArray());
        var seen = Mirrored.Of(await connection.ReadAsync());
        Assert.Equal(packed.ToArray(), seen.Body);
        Assert.Equal("gzip", seen.Header("content-encoding"));
    }

    [SkippableTheory]
    [InlineData(false, "/invoke/mirror", 400)]
    [InlineData(false, "/nowhere", 404)]
    [InlineData(true, "/api/fleet/profiles/validate", 400)]
    [InlineData(true, "/nowhere", 404)]
    public async Task TrailerThatCanNotBeRead_IsTheClientsFault_AndNoErrorInTheLog(bool admin, string path, int status)
    {
        foreach (var value in new byte[][] { [0], [0xff, 0xfe] })
        {
            using var connection = await RawConnection.OpenAsync(admin ? _gateway.AdminPort : _gateway.Port);
            await connection.SendAsync(
                (byte[])[.. Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nX-A: "), .. value, .. "\r\n\r\n"u8]);
            var answer = await connection.ReadAsync();
            if (admin || value is [0])
            {
                Assert.Equal(status, answer.Status);

                // The server tells of what it could not read once the answer is out, and before it ends the connection.
                Assert.True(await connection.IsClosedAsync());
            }
        }

        Assert.DoesNotContain(_gateway.LeveledLog, it => it.Level >= LogLevel.Error);
    }

    [SkippableFact]
    public async Task RequestTrailers_AreDropped()
    {
        var answer = await _gateway.RawAsync(
            "POST /invoke/mirror HTTP/1.1\r\nHost: t\r\nTrailer: X-Late\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Late: 1\r\n\r\n");
        var seen = Mirrored.Of(answer);
        Assert.Equal("body", Encoding.UTF8.GetString(seen.Body));
        Assert.Null(seen.Header("x-late"));
        Assert.Null(seen.Header("trailer"));
    }

    [SkippableFact]
    public async Task BadChunk_400_Closed()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync("POST /invoke/mirror HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n");
        Assert.Equal(400, (await connection.ReadAsync()).Status);
        Assert.True(await connection.IsClosedAsync());
    }
}
