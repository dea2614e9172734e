using System.Net;
using System.Text;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Http;

/// <summary>The forwarding over HTTP/2 in clear text.</summary>
public sealed class Http2Tests : IAsyncLifetime, IDisposable
{
    private GatewayUnderTest _gateway = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        _gateway = await GatewayUnderTest.StartAsync(
            settings: [("Platform:Http2Port", "0")], node: directory => new EmulatorOptions { Workdir = directory, BuiltInEcho = true });
        _http = new HttpClient(new OverHttp2 { InnerHandler = new SocketsHttpHandler { UseProxy = false, ActivityHeadersPropagator = null } })
        {
            BaseAddress = new Uri($"http://127.0.0.1:{_gateway.Http2Port}"),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = TimeSpan.FromSeconds(30),
        };
    }

    public async Task DisposeAsync()
    {
        if (_gateway is not null)
        {
            await _gateway.DisposeAsync();
        }
    }

    public void Dispose() => _http?.Dispose();

    [SkippableFact]
    public async Task Request_ArrivesAsOverHttp11()
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/invoke/mirror/a%2Fb?c=%20d") { Content = new StringContent("body") };
        request.Headers.Add("x-two", ["1", "2"]);
        using var answer = await _http.SendAsync(request);
        Assert.Equal(HttpVersion.Version20, answer.Version);
        var seen = Mirrored.Parse(await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal(("PUT", "/a%2Fb?c=%20d", "body"), (seen.Method, seen.Url, Encoding.UTF8.GetString(seen.Body)));
        Assert.Equal($"127.0.0.1:{_gateway.Http2Port}", seen.Header("host"));
        Assert.Equal("127.0.0.1", seen.Header("x-forwarded-for"));
        Assert.DoesNotContain(seen.Headers, header => header[0].StartsWith(':'));
    }

    [SkippableFact]
    public async Task BothDirections_Stream()
    {
        var content = new OpenContent();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/invoke/script") { Content = content };
        request.Headers.Add("x-script", GatewayUnderTest.Script(["head", 200], ["echo"]));
        var sending = _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await content.WriteAsync("first"u8.ToArray());
        using var answer = await sending;
        await using var body = await answer.Content.ReadAsStreamAsync();
        Assert.Equal("first", await ReadAsync(body, 5));
        await content.WriteAsync("second"u8.ToArray());
        Assert.Equal("second", await ReadAsync(body, 6));
        content.Complete();
        Assert.Equal(0, await body.ReadAsync(new byte[1]));
        Assert.Equal(1, (await _gateway.SettledAsync()).Completed);
    }

    [SkippableFact]
    public async Task ErrorAfterTheHead_ResetsTheStream_NeverACleanEnd()
    {
        var go = _gateway.Flag("go");
        using var request = GatewayUnderTest.Scripted(["head", 200], ["write", "part"], ["await", go], ["destroy"]);
        using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await using var body = await answer.Content.ReadAsStreamAsync();
        Assert.Equal("part", await ReadAsync(body, 4));
        await File.WriteAllTextAsync(go, "");
        var error = await Assert.ThrowsAnyAsync<IOException>(() => body.ReadExactlyAsync(new byte[1]).AsTask());
        Assert.Contains(error is HttpProtocolException direct ? direct.ErrorCode : ((HttpProtocolException)error.InnerException!).ErrorCode, new long[] { 2, 8 });
        Assert.Equal(1, (await _gateway.SettledAsync()).Failed);

        // The connection itself goes on.
        using var next = await _http.GetAsync(new Uri("/invoke/mirror", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
    }

    [SkippableFact]
    public async Task ClientsReset_IsACancel()
    {
        var closed = _gateway.Flag("closed");
        using var request = GatewayUnderTest.Scripted(["closed", closed], ["head", 200], ["write", "part"], ["hang"]);
        using (var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead))
        {
            await using var body = await answer.Content.ReadAsStreamAsync();
            Assert.Equal("part", await ReadAsync(body, 4));
        }

        Assert.Equal(1, (await _gateway.SettledAsync()).Cancelled);
        await _gateway.Node!.WaitForAsync(it => it.OpenDataPlaneCalls == 1 && it["script"].Active == 0);
    }

    [SkippableFact]
    public async Task ClientsResets_InMidUpload_AreCancels_EveryOne()
    {
        // The server ends the body first and tells of the reset later, by another thread: many, so that both orders are met.
        const int rounds = 20;
        const int each = 10;
        for (var round = 0; round < rounds; round++)
        {
            using var client = await Http2Client.OpenAsync(_gateway.Http2Port);
            var streams = new List<int>();
            for (var i = 0; i < each; i++)
            {
                streams.Add(await client.BeginAsync("POST", "/invoke/echo", end: false));
                await client.WriteAsync(RawPlane.Data, 0, streams[i], "part"u8.ToArray());
            }

            var begun = (round + 1) * each;
            await Until.TrueAsync(() => _gateway.Node!.GetStats()["echo"].Dispatched == begun, "the calls did not arrive");
            foreach (var stream in streams)
            {
                await client.WriteAsync(RawPlane.RstStream, 0, stream, [0, 0, 0, 8]);
            }

            await Until.TrueAsync(() => _gateway.Ledger.Snapshot() is { InFlight: 0 } now && now.Accepted == begun, "the calls do not end");
        }

        Assert.Equal(new(rounds * each, 0, 0, rounds * each, 0, 0), await _gateway.SettledAsync());
    }

    [SkippableFact]
    public async Task Connection_KeepsNoRequestThatHasEnded()
    {
        const int Count = 8;
        var go = _gateway.Flag("go");
        var connections = _gateway.Service<Connections>();
        using var client = await Http2Client.OpenAsync(_gateway.Http2Port);
        var streams = new List<int>();
        for (var i = 0; i < Count; i++)
        {
            streams.Add(await client.BeginAsync("GET", "/invoke/script", end: true, ("x-script", GatewayUnderTest.Script(["await", go], ["end"]))));
        }

        await Until.TrueAsync(() => connections.Exchanges == Count, "the requests do not run");
        await File.WriteAllTextAsync(go, "");
        await Until.TrueAsync(() => connections.Exchanges == 0, "a request that has ended is kept with its open connection");
        Assert.Equal(Count, (await _gateway.SettledAsync()).Completed);
    }

    [SkippableFact]
    public async Task Head_HasNoBody()
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, "/invoke/mirror");
        using var answer = await _http.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
    }

    [SkippableFact]
    public async Task Problem_IsTheSame()
    {
        using var answer = await _http.GetAsync(new Uri("/nowhere", UriKind.Relative));
        Assert.Equal("404 gateway no-route never", (await ProblemSeen.OfAsync(answer)).ToString());
    }

    [SkippableFact]
    public async Task CookieLines_AreJoined_AndTrailersDropped()
    {
        using var client = await Http2Client.OpenAsync(_gateway.Http2Port);
        var stream = await client.BeginAsync("POST", "/invoke/mirror", end: false, ("cookie", "a=1"), ("cookie", "b=2"));
        await client.WriteAsync(RawPlane.Data, 0, stream, "body"u8.ToArray());
        await client.WriteAsync(RawPlane.Headers, RawPlane.EndHeaders | RawPlane.EndStream, stream, RawPlane.Block(("x-late", "1")));
        var answer = await client.ReadAsync(stream);
        Assert.Equal((200, Http2End.Proper), (answer.Status, answer.End));
        var seen = Mirrored.Parse(answer.Body);
        Assert.Equal("a=1; b=2", seen.Header("cookie"));
        Assert.Equal("body"u8.ToArray(), seen.Body);
        Assert.Null(seen.Header("x-late"));
    }

    [SkippableTheory]
    [InlineData("x-a", "1\r\nx-b: 2")]
    [InlineData("x-a", "1\n")]
    [InlineData("x-a", "1\r")]
    [InlineData("x-a", "1\0")]
    [InlineData("x-a\r\nx-b", "1")]
    [InlineData("x a", "1")]
    [InlineData("X-A", "1")]
    [InlineData("x-a:", "1")]
    [InlineData("", "1")]
    [InlineData("connection", "close")]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData(":path", "/invoke/echo")]
    [InlineData(":unknown", "1")]
    [InlineData("content-length", "x")]
    [InlineData("content-length", "5")]
    [InlineData("cookie", "a=1\r\nx-b: 2")]
    public async Task UnfitHeader_NeverReachesTheFunction(string name, string value)
    {
        using var client = await Http2Client.OpenAsync(_gateway.Http2Port);
        var stream = await client.BeginAsync("GET", "/invoke/echo", end: true, (name, value));
        var answer = await client.ReadAsync(stream);
        Assert.True(answer is { Status: 400 } or { Status: 0, End: Http2End.Reset or Http2End.Closed }, answer.ToString());
        Assert.Equal(0, _gateway.Node!.GetStats()["echo"].Dispatched);
    }

    [SkippableTheory]
    [InlineData("/invoke/echo\r\nx: y")]
    [InlineData("/invoke/echo\0")]
    [InlineData("/invoke/echo\n")]
    [InlineData("invoke/echo")]
    [InlineData("")]
    public async Task UnfitPath_NeverReachesTheFunction(string path)
    {
        using var client = await Http2Client.OpenAsync(_gateway.Http2Port);
        var stream = await client.BeginAsync("GET", path, end: true);
        var answer = await client.ReadAsync(stream);
        Assert.True(answer.Status is 0 or 400 or 404 && (answer.Status != 0 || answer.End != Http2End.Proper), answer.ToString());
        Assert.Equal(0, _gateway.Node!.GetStats()["echo"].Dispatched);
    }

    [SkippableTheory]
    [InlineData("CONNECT")]
    [InlineData("TRACE")]
    [InlineData("GE T")]
    [InlineData("GET\r\n")]
    [InlineData("")]
    public async Task UnfitMethod_NeverReachesTheFunction(string method)
    {
        using var client = await Http2Client.OpenAsync(_gateway.Http2Port);
        var stream = await client.BeginAsync(method, "/invoke/echo", end: true);
        var answer = await client.ReadAsync(stream);
        Assert.True(answer is { Status: 400 or 405 } or { Status: 0, End: Http2End.Reset or Http2End.Closed }, answer.ToString());
        Assert.Equal(0, _gateway.Node!.GetStats()["echo"].Dispatched);
    }

    [SkippableFact]
    public async Task IdleConversation_OutlivesTheRates()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(
            settings: [("Platform:Http2Port", "0"), ("Limits:RateGracePeriod", "2s"), ("Limits:MinRequestBodyRate", "1000"), ("Limits:MinResponseRate", "1000")],
            node: directory => new EmulatorOptions { Workdir = directory, BuiltInEcho = true });
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{gateway.Http2Port}") };
        var content = new OpenContent();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/invoke/echo")
        {
            Content = content, Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        var sending = http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await content.WriteAsync("hi"u8.ToArray());
        using var answer = await sending;
        await using var body = await answer.Content.ReadAsStreamAsync();
        Assert.Equal("hi", await ReadAsync(body, 2));

        // A trickling upload beside it is given up in the meantime, which is how time is known to have passed.
        using var trickling = await RawConnection.OpenAsync(gateway.Port);
        await trickling.SendAsync("POST /invoke/mirror HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\nabc");
        Assert.Equal(408, (await trickling.ReadAsync()).Status);

        await content.WriteAsync("bye"u8.ToArray());
        Assert.Equal("bye", await ReadAsync(body, 3));
        content.Complete();
    }

    private static async Task<string> ReadAsync(Stream body, int count)
    {
        var bytes = new byte[count];
        await body.ReadExactlyAsync(bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    // HttpClient's own default version is not for requests that the caller has made.
    private sealed class OverHttp2 : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Version = HttpVersion.Version20;
            request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
            return base.SendAsync(request, cancellationToken);
        }
    }
}
