using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>Which headers pass, both ways, end to end.</summary>
public sealed class HeaderTests(PlainGateway fixture) : FixtureTests<PlainGateway>(fixture)
{
    [SkippableFact]
    public async Task Names_AreLowerCase()
    {
        var seen = await MirrorAsync("X-Mixed-Case: Value");
        Assert.Equal("Value", seen.Header("x-mixed-case"));
    }

    [SkippableFact]
    public async Task RepeatedHeaders_StaySeparate_InOrder() => Assert.Equal(["b", "a", "b"], (await MirrorAsync("X-R: b", "x-r: a", "X-R: b")).All("x-r"));

    [SkippableFact]
    public async Task Cookies_AreOneLine() => Assert.Equal("a=1; b=2", (await MirrorAsync("Cookie: a=1", "Cookie: b=2")).Header("cookie"));

    [SkippableFact]
    public async Task Utf8_IsKept_BothWays()
    {
        var response = await _gateway.SendAsync(
            "GET", "/invoke/script", GatewayRequests.ScriptLine(["head", 200, new Dictionary<string, object> { ["x-out"] = "你好" }], ["end"]));
        Assert.Equal("你好", response.Header("x-out"));
        Assert.Equal("größe", (await MirrorAsync("x-in: größe")).Header("x-in"));
    }

    [SkippableFact]
    public async Task HopByHop_DoesNotReachTheFunction()
    {
        var seen = await MirrorAsync(
            "Connection: keep-alive, Upgrade, HTTP2-Settings", "Keep-Alive: timeout=5", "Proxy-Authenticate: Basic", "Proxy-Authorization: Basic x", "Proxy-Connection: keep-alive", "TE: trailers",
            "Trailer: x-t", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk", "X-Kept: 1");
        foreach (var name in new[]
                 {
                     "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade",
                     "http2-settings", "transfer-encoding",
                 })
        {
            Assert.Null(seen.Header(name));
        }

        Assert.Equal("1", seen.Header("x-kept"));
    }

    [SkippableFact]
    public async Task NamesInConnection_DoNotReachTheFunction_CookieIncluded()
    {
        var seen = await MirrorAsync("Connection: X-Hop ,cookie", "Connection: x-other", "X-Hop: 1", "X-Other: 1", "X-Kept: 1", "Cookie: a=1");
        Assert.Equal((null, null, null, "1"), (seen.Header("x-hop"), seen.Header("x-other"), seen.Header("cookie"), seen.Header("x-kept")));
    }

    [SkippableFact]
    public async Task NamesInConnection_CannotTakeAwayWhatAMessageNeeds()
    {
        var id = GatewayRequests.NewId();
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync(GatewayRequests.Text(
            "POST", "/invoke/mirror", "Connection: host, content-type, content-length, x-request-id", "Content-Type: a/b", "Content-Length: 3", "x-request-id: " + id) + "abc");
        var seen = Mirrored.Of(await connection.ReadAsync());
        Assert.Equal(("h", "a/b", "3", id), (seen.Header("host"), seen.Header("content-type"), seen.Header("content-length"), seen.Header("x-request-id")));
    }

    [SkippableFact]
    public async Task HopByHop_OfTheFunction_DoesNotReachTheCaller()
    {
        var headers = new Dictionary<string, object>
        {
            ["Connection"] = "X-Hop, keep-alive", ["X-Hop"] = "1", ["Keep-Alive"] = "timeout=1", ["Upgrade"] = "foo", ["Trailer"] = "x-t",
            ["Proxy-Authenticate"] = "Basic", ["TE"] = "trailers", ["Transfer-Encoding"] = "gzip", ["X-Kept"] = "1",
        };
        var response = await _gateway.SendAsync("GET", "/invoke/script", GatewayRequests.ScriptLine(["head", 200, headers], ["end", "ok"]));
        foreach (var name in new[] { "connection", "x-hop", "keep-alive", "upgrade", "trailer", "proxy-authenticate", "te" })
        {
            Assert.Null(response.Header(name));
        }

        // Transfer-Encoding is this server's own.
        Assert.DoesNotContain("gzip", response.All("transfer-encoding"));
        Assert.Equal(("1", "ok"), (response.Header("x-kept"), response.Text));
    }

    [SkippableFact]
    public async Task ControlHeaders_DoNotReachTheFunction()
    {
        var seen = Mirrored.Of(await _gateway.SendAsync(
            "GET", "/", "x-noslate-target: mirror", "X-Noslated-Dispatch: script", "x-noslate-timeout-ms: 5000", "x-noslate-anything: 1"));
        Assert.DoesNotContain(seen.Headers, h => h[0].StartsWith("x-noslate", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task FunctionsResponse_CannotSpeakForTheGateway()
    {
        var headers = new Dictionary<string, object>
        {
            ["x-request-id"] = "forged", ["X-Noslate-Executed"] = "never", ["x-noslate-reason"] = "forged", ["x-noslate-component"] = "forged",
        };
        var id = GatewayRequests.NewId();
        var response = await _gateway.SendAsync("GET", "/invoke/script", "x-request-id: " + id, GatewayRequests.ScriptLine(["head", 200, headers], ["end"]));
        Assert.Equal([id], response.All("x-request-id"));
        Assert.DoesNotContain(response.Headers, h => h.Key.StartsWith("x-noslate", StringComparison.OrdinalIgnoreCase));
    }

    [SkippableFact]
    public async Task ForwardedFor_IsThePeersAddress() => Assert.Equal("127.0.0.1", (await MirrorAsync()).Header("x-forwarded-for"));

    [SkippableFact]
    public async Task ForwardedFor_IsAppendedTo() =>
        Assert.Equal("1.2.3.4, 5.6.7.8, 127.0.0.1", (await MirrorAsync("X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 5.6.7.8")).Header("x-forwarded-for"));

    [SkippableFact]
    public async Task ForwardedProtoAndHost_OfAnyone_AreOurs()
    {
        var seen = await MirrorAsync("X-Forwarded-Proto: https", "X-Forwarded-Host: example.com");
        Assert.Equal(("http", "h"), (seen.Header("x-forwarded-proto"), seen.Header("x-forwarded-host")));
    }

    [SkippableFact]
    public async Task ForwardedProtoAndHost_OfAConfiguredProxy_AreKept()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: [("Forwarding:ProxyNetworks", "10.0.0.0/8,127.0.0.0/8")]);
        var seen = Mirrored.Of(await gateway.SendAsync("GET", "/invoke/mirror", "X-Forwarded-Proto: https", "X-Forwarded-Host: example.com"));
        Assert.Equal(("https", "example.com"), (seen.Header("x-forwarded-proto"), seen.Header("x-forwarded-host")));
        seen = Mirrored.Of(await gateway.SendAsync("GET", "/invoke/mirror"));
        Assert.Equal(("http", "h"), (seen.Header("x-forwarded-proto"), seen.Header("x-forwarded-host")));
    }

    [SkippableTheory]
    [InlineData("a")]
    [InlineData("AZaz09._-")]
    [InlineData("longest")]
    public async Task RequestId_ThatIsFit_IsKept(string id)
    {
        id = id == "longest" ? new string('x', 128) : id;
        var response = await _gateway.SendAsync("GET", "/invoke/mirror", "x-request-id: " + id);
        Assert.Equal((id, id), (response.Header("x-request-id"), Mirrored.Of(response).Header("x-request-id")));
    }

    [SkippableTheory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("é")]
    [InlineData("too long")]
    public async Task RequestId_ThatIsUnfit_IsReplaced(string id)
    {
        id = id == "too long" ? new string('x', 129) : id;
        await NewIdAsync("x-request-id: " + id);
    }

    [SkippableFact]
    public async Task RequestId_GivenTwice_IsReplaced() => await NewIdAsync("x-request-id: a", "x-request-id: a");

    [SkippableFact]
    public async Task RequestId_NotGiven_IsMade_AndTwoDiffer()
    {
        Assert.NotEqual(await NewIdAsync(), await NewIdAsync());
    }

    [SkippableFact]
    public async Task Expect_IsAnsweredHere_AndNotPassedOn()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync(GatewayRequests.Text("POST", "/invoke/mirror", "Expect: 100-continue", "Content-Length: 3"));
        Assert.Equal(100, (await connection.ReadHeadAsync()).Status);
        await connection.SendAsync("abc");
        var seen = Mirrored.Of(await connection.ReadAsync());
        Assert.Equal((null, 3), (seen.Header("expect"), seen.Body.Length));
    }

    private async Task<string> NewIdAsync(params string[] lines)
    {
        var response = await _gateway.SendAsync("GET", "/invoke/mirror", lines);
        var id = Assert.Single(response.All("x-request-id"));
        Assert.Matches("^[0-9a-f]{32}$", id);
        Assert.Equal(id, Mirrored.Of(response).Header("x-request-id"));
        return id;
    }

    private async Task<Mirrored> MirrorAsync(params string[] lines) => Mirrored.Of(await _gateway.SendAsync("GET", "/invoke/mirror", lines));
}
