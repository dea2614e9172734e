using System.Net;
using System.Net.Http.Headers;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Lifecycle;

/// <summary>Who may do what on the admin port, and the hooks there.</summary>
public sealed class AdminDoorTests
{
    private const string Token = "s3cret-of-this-test";

    private static readonly (string, string)[] _kubernetes = [("Platform:Mode", "Kubernetes"), ("Admin:Token", Token), ("Drain:LameDuck", "0s")];

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer wrong")]
    [InlineData("Bearer s3cret-of-this-tes")]
    [InlineData("Bearer")]
    [InlineData("Basic s3cret-of-this-test")]
    [InlineData("s3cret-of-this-test")]
    public async Task InKubernetes_WithoutTheToken_401_OnLoopbackToo(string? authorization)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: _kubernetes);
        foreach (var (method, path) in new[] { ("POST", "/pre-stop"), ("GET", "/pre-stop"), ("POST", "/undrain"), ("GET", "/api/instance"), ("GET", "/nothing") })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            if (authorization is not null)
            {
                request.Headers.TryAddWithoutValidation("Authorization", authorization);
            }

            using var response = await gateway.Admin.SendAsync(request);
            Assert.Equal("401 gateway unauthorized never", (await ProblemSeen.OfAsync(response)).ToString());
            Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
        }

        Assert.Equal(InstancePhase.Starting, gateway.Lifecycle.State.Phase);
        Assert.DoesNotContain(gateway.Log, line => line.Contains(Token, StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task InKubernetes_WithTheToken_TheHooksWork_AndTheDrainCanBeUndone()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: _kubernetes);
        gateway.Admin.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        using (var stop = await gateway.Admin.GetAsync("/pre-stop"))
        {
            Assert.Equal(HttpStatusCode.OK, stop.StatusCode);
        }

        Assert.Equal(InstancePhase.Stopped, gateway.Lifecycle.State.Phase);
        using (var undrain = await gateway.Admin.PostAsync("/undrain", null))
        {
            Assert.Contains("\"undone\":true", await undrain.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        Assert.Equal(InstancePhase.Ready, gateway.Lifecycle.State.Phase);
        using var served = await gateway.Http.GetAsync("/invoke/mirror");
        Assert.Equal(HttpStatusCode.OK, served.StatusCode);
        using var ready = await gateway.Admin.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
    }

    [Fact]
    public async Task HealthAndReadiness_NeverNeedTheToken()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: _kubernetes);
        using var health = await gateway.Admin.GetAsync("/healthz");
        using var ready = await gateway.Admin.GetAsync("/readyz");
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable), (health.StatusCode, ready.StatusCode));
    }

    [Fact]
    public async Task Metrics_CanBeOpened()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: [.. _kubernetes, ("Admin:OpenMetrics", "true")]);
        using var response = await gateway.Admin.GetAsync("/metrics");
        Assert.NotEqual(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [SkippableFact]
    public async Task InKubernetes_ThePlatformPortHasNoHooks()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: [.. _kubernetes, ("Routing:Default", "mirror")]);
        foreach (var from in new[] { IPAddress.Loopback, PlatformCalls.Peer })
        {
            var response = await gateway.FromAsync(from, "GET", "/pre-stop", "x-fc-request-id: fc-1", "x-fc-control-path: /pre-stop");
            Assert.Equal("/pre-stop", Mirrored.Of(response).Url);
        }

        Assert.Equal(InstancePhase.Ready, gateway.Lifecycle.State.Phase);
        Assert.Equal(2, (await gateway.SettledAsync()).Completed);
    }

    [SkippableFact]
    public async Task InOpen_BothPortsHaveTheHooks_ForLoopbackPeers()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        Assert.Equal("Frozen", PlatformCalls.Receipt(await gateway.SendAsync("GET", "/pre-freeze", "Host: localhost:9000")).Text("phase"));
        using var stop = await gateway.Admin.PostAsync("/pre-stop", null);
        Assert.Equal(HttpStatusCode.OK, stop.StatusCode);
        Assert.Equal(InstancePhase.Stopped, gateway.Lifecycle.State.Phase);
    }

    /// <summary>A page that a developer looks at can make the browser call loopback, and a proxy on the same machine calls it for anybody.</summary>
    [SkippableTheory]
    [InlineData("Host: evil.example")]
    [InlineData("Host: shop.example:9000")]
    [InlineData("Host: localhost", "Origin: http://evil.example")]
    [InlineData("Host: localhost", "Origin: null")]
    [InlineData("Host: 127.0.0.1", "Sec-Fetch-Site: cross-site")]
    [InlineData("Host: 127.0.0.1", "X-Forwarded-For: 203.0.113.9")]
    [InlineData("Host: 127.0.0.1", "X-Real-IP: 203.0.113.9")]
    [InlineData("Host: 127.0.0.1", "Forwarded: for=203.0.113.9")]
    [InlineData("Host: 127.0.0.1", "Via: 1.1 proxy")]
    public async Task InOpen_AHooksPath_ThatAForeignPageOrAProxyAsksFor_IsAnOrdinaryRequest(params string[] lines)
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        foreach (var path in new[] { "/pre-stop", "/pre-freeze" })
        {
            Assert.Equal(200, (await gateway.SendAsync("GET", path, [.. lines, "x-noslate-target: mirror"])).Status);
        }

        Assert.Equal(InstancePhase.Ready, gateway.Lifecycle.State.Phase);
        Assert.Equal(2, (await gateway.SettledAsync()).Completed);
    }

    /// <summary>Whoever owns a name can make it lead to loopback; the browser then takes their page for ours.</summary>
    [Theory]
    [InlineData("evil.example:9001", false)]
    [InlineData("localhost.evil.example", false)]
    [InlineData("localhost:9001", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("[::1]:9001", true)]
    public async Task InOpen_ANameThatMayBeSomebodys_IsTurnedAway(string host, bool served)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/instance") { Headers = { Host = host } };
        request.Headers.Add("Sec-Fetch-Site", "same-origin");
        using var response = await gateway.Admin.SendAsync(request);
        Assert.Equal(served ? HttpStatusCode.OK : HttpStatusCode.Forbidden, response.StatusCode);
        if (!served)
        {
            Assert.Equal("403 gateway foreign-origin never", (await ProblemSeen.OfAsync(response)).ToString());
        }
    }

    [Theory]
    [InlineData("Origin", "http://evil.example")]
    [InlineData("Origin", "null")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    public async Task InOpen_APageOfAnotherSite_IsTurnedAway(string name, string value)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/pre-stop");
        request.Headers.TryAddWithoutValidation(name, value);
        using var response = await gateway.Admin.SendAsync(request);
        Assert.Equal("403 gateway foreign-origin never", (await ProblemSeen.OfAsync(response)).ToString());
        Assert.Equal(InstancePhase.Starting, gateway.Lifecycle.State.Phase);
    }

    [SkippableFact]
    public async Task OffLoopback_TheTokenIsNeeded_InOpenToo()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(
            withNode: false, settings: [("Admin:Address", "0.0.0.0"), ("Admin:Token", Token)]);
        using var onLoopback = await gateway.Admin.GetAsync("/api/instance");
        Assert.Equal(HttpStatusCode.OK, onLoopback.StatusCode);
        var own = Dns.GetHostAddresses(Dns.GetHostName()).FirstOrDefault(
            address => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork && !IPAddress.IsLoopback(address));
        Skip.If(own is null, "this machine has no address but loopback");
        using var outside = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://{own}:{gateway.AdminPort}") };
        using var refused = await outside.GetAsync("/api/instance");
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        using var allowed = new HttpRequestMessage(HttpMethod.Get, "/api/instance");
        allowed.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        using var served = await outside.SendAsync(allowed);
        Assert.Equal(HttpStatusCode.OK, served.StatusCode);
    }
}
