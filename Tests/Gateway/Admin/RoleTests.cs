using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Admin;

/// <summary>Which token opens what.</summary>
public sealed class RoleTests
{
    private const string Single = "the-single-one";
    private const string Reader = "for-reading";
    private const string OldOperator = "operator-until-monday";
    private const string NewOperator = "operator-from-monday";

    private static readonly (string, string)[] _settings =
    [
        ("Platform:Mode", "Kubernetes"), ("Drain:LameDuck", "0s"), ("Admin:Token", Single),
        ("Admin:Tokens:0:Name", "wall"), ("Admin:Tokens:0:Token", Reader), ("Admin:Tokens:0:Role", "read"),
        ("Admin:Tokens:1:Name", "ops-1"), ("Admin:Tokens:1:Token", OldOperator), ("Admin:Tokens:1:Role", "operate"),
        ("Admin:Tokens:2:Name", "ops-2"), ("Admin:Tokens:2:Token", NewOperator), ("Admin:Tokens:2:Role", "operate"),
    ];

    [Theory]
    [InlineData(Single)]
    [InlineData(OldOperator)]
    [InlineData(NewOperator)]
    public async Task EveryOperatorsToken_HoldsAtOnce_SoThatTheyCanBeRotated(string token)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: _settings);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(gateway, "GET", "/api/instance", token));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(gateway, "POST", "/api/undrain", token));
    }

    [Fact]
    public async Task TokenThatWasTakenOut_IsUnknown()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: [.. _settings.Where(s => !s.Item1.StartsWith("Admin:Tokens:1", StringComparison.Ordinal))]);
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(gateway, "GET", "/api/instance", OldOperator));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(gateway, "GET", "/api/instance", NewOperator));
    }

    [Theory]
    [InlineData("GET", "/pre-stop")]
    [InlineData("GET", "/PRE-STOP")]
    [InlineData("GET", "/pre-stop/")]
    [InlineData("GET", "/pre%2Dstop")]
    [InlineData("GET", "/pre-freeze")]
    [InlineData("POST", "/pre-stop")]
    [InlineData("POST", "/initialize")]
    [InlineData("POST", "/undrain")]
    [InlineData("POST", "/api/drain")]
    [InlineData("POST", "/api/undrain")]
    [InlineData("POST", "/api/flush")]
    [InlineData("POST", "/api/fleet/instances/a/orders")]
    [InlineData("PUT", "/api/fleet/profiles")]
    [InlineData("DELETE", "/api/fleet/profiles")]
    [InlineData("POST", "/api/fleet/profiles/rollback")]
    [InlineData("POST", "/nothing")]
    public async Task Reader_ChangesNothing(string method, string path)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: _settings);
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Reader);
        using var response = await gateway.Admin.SendAsync(request);
        Assert.Equal("403 gateway forbidden never", (await ProblemSeen.OfAsync(response)).ToString());
        Assert.Equal(InstancePhase.Starting, gateway.Lifecycle.State.Phase);
    }

    [Theory]
    [InlineData("/metrics")]
    [InlineData("/api/instance")]
    [InlineData("/api/functions")]
    [InlineData("/api/workers")]
    [InlineData("/api/in-flight")]
    [InlineData("/api/receipts")]
    [InlineData("/api/recorder")]
    [InlineData("/api/configuration")]
    [InlineData("/api/fleet")]
    [InlineData("/api/fleet/profiles")]
    [InlineData("/api/openapi.json")]
    public async Task Reader_SeesEverything(string path)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: _settings);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(gateway, "GET", path, Reader));
    }

    /// <summary>Every endpoint that there is, so that a new one can't be forgotten: who may only look never gets to what changes something.</summary>
    [Theory]
    [InlineData("Kubernetes")]
    [InlineData("FunctionCompute")]
    public async Task EveryEndpoint_IsClosedWithoutAToken_AndOfTwoKinds(string mode)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: [.. _settings.Skip(1), ("Platform:Mode", mode)]);
        var looks = new List<string>();
        var changes = new List<string>();
        foreach (var endpoint in gateway.Service<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            var path = endpoint.RoutePattern.RawText!.Replace("{id}", "a", StringComparison.Ordinal);
            if (path == "/" || path.StartsWith("/dashboard", StringComparison.Ordinal))
            {
                // Browsers sign in there; the first only leads to the other.
                continue;
            }

            Assert.DoesNotContain('{', path);
            foreach (var method in endpoint.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods)
            {
                var open = path is "/healthz" or "/readyz";
                var without = await StatusAsync(gateway, method, path, null);
                Assert.True(open || without == HttpStatusCode.Unauthorized, $"{method} {path} without a token is {without}");
                if (path == "/api/fleet/events")
                {
                    // Stays open.
                    looks.Add($"{method} {path}");
                    continue;
                }

                (await StatusAsync(gateway, method, path, Reader) == HttpStatusCode.Forbidden ? changes : looks).Add($"{method} {path}");
            }
        }

        string[] hooks = mode == "FunctionCompute" ? [] : ["GET /pre-freeze", "GET /pre-stop", "POST /initialize", "POST /pre-freeze", "POST /pre-stop"];
        string[] expected =
        [
            .. hooks, "DELETE /api/fleet/profiles", "POST /api/drain", "POST /api/fleet/instances/a/orders", "POST /api/fleet/profiles/rollback",
            "POST /api/fleet/profiles/validate", "POST /api/flush", "POST /api/undrain", "POST /undrain", "PUT /api/fleet/profiles",
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal), changes.Order(StringComparer.Ordinal));
        Assert.All(looks, one => Assert.Matches("^(GET /|HEAD /(healthz|readyz)$)", one));
        Assert.Contains("GET /api/configuration", looks);
        Assert.Contains("GET /metrics", looks);
        Assert.Equal(InstancePhase.Starting, gateway.Lifecycle.State.Phase);
    }

    [Fact]
    public async Task InOpen_OnLoopback_WhoeverShowsATokenGoesByIt()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: [.. _settings.Skip(1)]);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(gateway, "POST", "/api/undrain", null));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(gateway, "POST", "/api/undrain", Reader));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(gateway, "POST", "/api/undrain", "wrong"));
    }

    [Fact]
    public async Task WrongTokens_AreLimited_RightOnesAndHealthNever()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: _settings);
        for (var i = 0; i < TokenFailures.OfOne; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(gateway, "GET", "/api/instance", "guess-" + i));
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/instance");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "one-more-guess");
        using var limited = await gateway.Admin.SendAsync(request);
        Assert.Equal("429 gateway too-many-failures never", (await ProblemSeen.OfAsync(limited)).ToString());
        Assert.InRange(limited.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, TokenFailures.Refill.TotalSeconds);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(gateway, "GET", "/api/instance", Single));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(gateway, "GET", "/api/instance", Reader));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(gateway, "GET", "/healthz", null));
        Assert.DoesNotContain(gateway.Log, line => line.Contains("guess", StringComparison.Ordinal) || line.Contains(Single, StringComparison.Ordinal));
    }

    [Fact]
    public void LimitIsOver_AsTimePasses()
    {
        var time = new ManualTimeProvider();
        var options = new AdminOptions { Token = Single };
        var access = new AdminAccess(options, new PlatformOptions { Mode = PlatformMode.Kubernetes }, new AdminTokens(options), new TokenFailures(time));
        for (var i = 0; i < TokenFailures.OfOne; i++)
        {
            Assert.Equal(401, Refused(access, "wrong"));
        }

        Assert.Equal(429, Refused(access, "wrong"));
        Assert.Null(Refused(access, Single));
        time.Advance(TokenFailures.Refill);
        Assert.Equal(401, Refused(access, "wrong"));
        Assert.Equal(429, Refused(access, "wrong"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("the-single-on")]
    [InlineData("the-single-one-")]
    [InlineData("The-Single-One")]
    [InlineData("the-single-one,for-reading")]
    [InlineData("*")]
    public void NearMiss_IsNobody(string token)
    {
        IAdminAuthenticator tokens = new AdminTokens(new AdminOptions { Token = Single, Tokens = [new AdminToken("wall", Reader, AdminRole.Read)] });
        Assert.Null(tokens.Authenticate(token));
    }

    [Fact]
    public void Token_StandsForItsNameAndRole_AndIsFoundAgainByItsHash()
    {
        var wall = new AdminToken("wall", Reader, AdminRole.Read);
        IAdminAuthenticator tokens = new AdminTokens(new AdminOptions { Token = Single, Tokens = [wall] });
        var admin = tokens.Authenticate(Single)!;
        var reader = tokens.Authenticate(Reader)!;
        Assert.Equal(("admin", AdminRole.Operate, "wall", AdminRole.Read), (admin.Name, admin.Role, reader.Name, reader.Role));
        Assert.Equal(reader, tokens.Recall(Convert.FromHexString(reader.TokenHash)));
        Assert.Null(tokens.Recall([]));
        Assert.DoesNotContain(Reader, wall.ToString() + reader, StringComparison.Ordinal);
    }

    private static int? Refused(AdminAccess access, string token)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = "GET";
        context.Request.Path = "/api/instance";
        context.Request.Headers.Authorization = "Bearer " + token;
        return access.Refuse(context.Request, IPAddress.Loopback)?.Status;
    }

    private static async Task<HttpStatusCode> StatusAsync(GatewayUnderTest gateway, string method, string path, string? token)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        using var response = await gateway.Admin.SendAsync(request);
        return response.StatusCode;
    }
}
