using System.Globalization;
using System.Text;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>
/// What differs in FunctionCompute. The platform is told apart by its x-fc-* headers; in this gateway the host name <c>mirror</c> leads to
/// the mirror function and everything else to the script function, as nothing a caller sends may choose one.
/// </summary>
public sealed class FunctionComputeTests(FunctionComputeTests.Instance fixture) : FixtureTests<FunctionComputeTests.Instance>(fixture)
{
    private const string Event = "x-fc-control-path: /invoke";
    private const string Trigger = "x-fc-control-path: /http-invoke";
    private const string ToMirror = "Host: mirror";

    private static readonly string[] _platformHeaders =
    [
        "x-fc-request-id: fc-id-1", "x-fc-access-key-id: SECRET1", "x-fc-access-key-secret: SECRET2", "X-Fc-Security-Token: SECRET3",
        "x-fc-tracing-jaeger-endpoint: http://h/SECRET4", "x-fc-account-id: 123", "x-fc-region: cn-hangzhou", "x-fc-function-name: f",
        "x-fc-function-timeout: 60", Trigger,
    ];

    [SkippableFact]
    public async Task Mode_IsFoundByTheFunctionName()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(
            withNode: false, settings: [("Platform:Mode", ""), ("FC_FUNCTION_NAME", "f"), ("Routing:Default", "mirror")]);
        var response = await gateway.SendAsync("GET", "/", "x-fc-request-id: fc-id-1", "x-fc-function-timeout: 1");
        Assert.Equal(("fc-id-1", "404"), (response.Header("x-request-id"), response.Header("x-fc-status")));
    }

    [SkippableFact]
    public async Task Mode_ExplicitSettingWins_OverTheFunctionName()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: [("FC_FUNCTION_NAME", "f"), ("Routing:Default", "mirror")]);
        var response = await gateway.SendAsync("GET", "/", "x-fc-request-id: fc-id-1");
        Assert.NotEqual("fc-id-1", response.Header("x-request-id"));
        Assert.Null(response.Header("x-fc-status"));
    }

    [SkippableFact]
    public async Task RequestId_OfThePlatform_IsBelieved_BeforeTheCallers()
    {
        var response = await _gateway.SendAsync("GET", "/", [ToMirror, "x-request-id: callers", .. _platformHeaders]);
        Assert.Equal("fc-id-1", response.Header("x-request-id"));
        Assert.Equal("fc-id-1", Mirrored.Of(response).Header("x-request-id"));
    }

    [SkippableFact]
    public async Task PlatformHeaders_OnlyTheRequestIdReachesTheFunction()
    {
        var seen = Mirrored.Of(await _gateway.SendAsync("GET", "/", [ToMirror, .. _platformHeaders]));
        Assert.Equal(["x-fc-request-id"], seen.Headers.Select(h => h[0]).Where(n => n.StartsWith("x-fc-", StringComparison.Ordinal)));
    }

    [SkippableFact]
    public async Task AllowHeaders_ConfiguredNamesPass_AndNoOthers()
    {
        await using var gateway = await StartAsync(("Forwarding:AllowHeaders", "X-Fc-Region,x-fc-account-id"));
        var seen = Mirrored.Of(await gateway.SendAsync("GET", "/", [ToMirror, .. _platformHeaders]));
        Assert.Equal(["x-fc-account-id", "x-fc-region"], seen.Headers.Select(h => h[0]).Where(n => n.StartsWith("x-fc-", StringComparison.Ordinal)).Order());
        Assert.Equal(("cn-hangzhou", "123"), (seen.Header("x-fc-region"), seen.Header("x-fc-account-id")));
    }

    [Theory]
    [InlineData("x-fc-access-key-id")]
    [InlineData("X-FC-Access-Key-Secret")]
    [InlineData("x-fc-security-token")]
    [InlineData("x-fc-tracing-jaeger-endpoint")]
    public void AllowHeaders_NamingACredential_RefusesToStart(string name)
    {
        var error = Assert.Throws<ConfigurationErrorsException>(() => GatewayApplication.Build(
            ["--Node:Workdir=/tmp", "--Platform:Mode=FunctionCompute", "--Forwarding:AllowHeaders=x-fc-region," + name]));
        Assert.Contains(name, Assert.Single(error.Errors), StringComparison.OrdinalIgnoreCase);
    }

    [SkippableFact]
    public async Task Credentials_AreInNoLogLine_NorInAnError()
    {
        await _gateway.SendAsync("GET", "/", [ToMirror, .. _platformHeaders]);
        var failed = await _gateway.SendAsync("GET", "/", [GatewayRequests.ScriptLine(["throw"]), .. _platformHeaders]);
        Assert.Equal(502, failed.Status);
        Assert.DoesNotContain("SECRET", failed.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(_gateway.Log, l => l.Contains("SECRET", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task ElsewhereThanInFunctionCompute_PlatformHeadersAreRemovedAndWithoutEffect()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        string[] forged = [.. _platformHeaders.Where(h => !h.Contains("timeout", StringComparison.Ordinal) && h != Trigger), "x-fc-function-timeout: 0.001", Event];
        var response = await gateway.SendAsync("POST", "/invoke/mirror", [.. forged, "Content-Length: 0"]);
        Assert.Equal(200, response.Status);
        Assert.NotEqual("fc-id-1", response.Header("x-request-id"));
        Assert.Null(response.Header("x-fc-status"));
        Assert.DoesNotContain(Mirrored.Of(response).Headers, h => h[0].StartsWith("x-fc-", StringComparison.Ordinal));
        var failed = await gateway.SendAsync("POST", "/invoke/script", [.. forged, GatewayRequests.ScriptLine(["head", 500], ["end"]), "Content-Length: 0"]);
        Assert.Equal((500, null), (failed.Status, failed.Header("x-fc-status")));
        Assert.Equal(new LedgerSnapshot(2, 2, 0, 0, 0, 0), await gateway.SettledAsync());
    }

    [SkippableTheory]
    [InlineData(200, "200")]
    [InlineData(404, "200")]
    [InlineData(499, "200")]
    [InlineData(500, "404")]
    [InlineData(503, "404")]
    public async Task EventCall_FunctionsOwn5xx_IsAFunctionErrorToThePlatform(int status, string expected)
    {
        var response = await _gateway.SendAsync("POST", "/invoke", Event, GatewayRequests.ScriptLine(["head", status], ["end", "own"]), "Content-Length: 0");
        Assert.Equal((status, expected, "own"), (response.Status, response.Header("x-fc-status"), response.Text));
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableFact]
    public async Task EventCall_ReachesTheFunctionAsItCame()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync(GatewayRequests.Text("POST", "/invoke", ToMirror, Event, "Content-Type: application/octet-stream", "Content-Length: 5") + "event");
        var seen = Mirrored.Of(await connection.ReadAsync());
        Assert.Equal(("POST", "/invoke", "event"), (seen.Method, seen.Url, Encoding.UTF8.GetString(seen.Body)));
    }

    [SkippableTheory]
    [InlineData("GET", "/a/b?c", Trigger)]
    [InlineData("POST", "/invoke", Trigger)]
    [InlineData("POST", "/other", null)]
    public async Task HttpTriggerCall_FunctionsOwn5xx_IsItsAnswer(string method, string target, string? control)
    {
        var response = await _gateway.SendAsync(
            method, target, [.. control is null ? [] : new[] { control }, GatewayRequests.ScriptLine(["head", 500], ["end"]), "Content-Length: 0"]);
        Assert.Equal((500, "200"), (response.Status, response.Header("x-fc-status")));
    }

    [SkippableFact]
    public async Task EventCall_WithoutAControlPath_IsKnownByMethodAndPath()
    {
        var response = await _gateway.SendAsync("POST", "/invoke", GatewayRequests.ScriptLine(["head", 500], ["end"]), "Content-Length: 0");
        Assert.Equal("404", response.Header("x-fc-status"));
    }

    [SkippableFact]
    public async Task AnyHeaderOfThePlatformTwice_IsRefused()
    {
        foreach (var twice in new[] { Event, "x-fc-request-id: fc-id-1", "X-Fc-Anything: 1" })
        {
            var response = await _gateway.SendAsync("POST", "/invoke", twice, twice, GatewayRequests.ScriptLine(["end"]), "Content-Length: 0");
            Assert.Equal((400, "404"), (response.Status, response.Header("x-fc-status")));
            Assert.Equal("400 gateway ambiguous-request never", ProblemSeen.Of(response).ToString());
        }

        Assert.Equal(new LedgerSnapshot(0, 0, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableTheory]
    [InlineData(Event)]
    [InlineData(Trigger)]
    public async Task EveryErrorOfOurs_IsAFunctionErrorToThePlatform(string control)
    {
        var failed = await _gateway.SendAsync("POST", "/invoke", control, GatewayRequests.ScriptLine(["throw"]), "Content-Length: 0");
        Assert.Equal((502, "404"), (failed.Status, failed.Header("x-fc-status")));
        var refused = await _gateway.SendAsync("TRACE", "/", control);
        Assert.Equal((405, "404"), (refused.Status, refused.Header("x-fc-status")));
        Assert.Equal(new LedgerSnapshot(1, 0, 1, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableFact]
    public async Task Callers_DoNotChooseTheFunction_ByHeaderOrPath()
    {
        var seen = Mirrored.Of(await _gateway.SendAsync("GET", "/invoke/script", ToMirror, "x-noslate-target: script", "x-noslated-dispatch: script"));
        Assert.Equal("/invoke/script", seen.Url);
        Assert.DoesNotContain(seen.Headers, h => h[0].StartsWith("x-noslate", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task Callers_ChooseTheFunction_OnceConfigured()
    {
        await using var gateway = await StartAsync(("Routing:ByHeader", "true"), ("Routing:ByPath", "true"));
        Assert.Equal("/x", Mirrored.Of(await gateway.SendAsync("GET", "/invoke/mirror/x")).Url);
        Assert.Equal("/y", Mirrored.Of(await gateway.SendAsync("GET", "/y", "x-noslate-target: mirror")).Url);
    }

    [SkippableFact]
    public async Task ResponseHeaders_ThatThePlatformForbids_AreRemovedHere()
    {
        var response = await _gateway.SendAsync("GET", "/", Forbidden());
        Assert.Equal("ok", response.Text);
        Assert.Null(response.Header("content-length"));
        Assert.Null(response.Header("content-disposition"));
        Assert.DoesNotContain("mine", response.All("server"));
        Assert.DoesNotContain("Thu, 01 Jan 1970 00:00:00 GMT", response.All("date"));
        Assert.Equal(["200"], response.All("x-fc-status"));
        Assert.Null(response.Header("x-fc-error-type"));
        Assert.Equal("kept", response.Header("x-other"));
    }

    [SkippableFact]
    public async Task ResponseHeaders_ThatThePlatformForbids_PassElsewhere()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        var response = await gateway.SendAsync("GET", "/invoke/script", Forbidden());
        Assert.Equal(
            ("2", "attachment; filename=a", "mine", "Thu, 01 Jan 1970 00:00:00 GMT", "ok"),
            (response.Header("content-length"), response.Header("content-disposition"), Assert.Single(response.All("server")), Assert.Single(response.All("date")), response.Text));
    }

    [SkippableFact]
    public async Task ContentDisposition_Inline_PassesHere()
    {
        var response = await _gateway.SendAsync(
            "GET", "/", GatewayRequests.ScriptLine(["head", 200, new Dictionary<string, object> { ["content-disposition"] = "inline" }], ["end"]));
        Assert.Equal("inline", response.Header("content-disposition"));
    }

    [SkippableFact]
    public async Task FunctionTimeout_LessTheMargin_IsTheDeadlineOfTheHead()
    {
        await WarmAsync();
        var start = TimeProvider.System.GetTimestamp();
        var response = await _gateway.SendAsync("GET", "/", "x-fc-function-timeout: 1", GatewayRequests.ScriptLine(["hang"]));

        // The node tells of the deadline, or on a busy machine the gateway itself.
        Assert.Contains(ProblemSeen.Of(response).ToString(), new[] { "504 worker execution-timeout maybe", "504 data-plane deadline-exceeded maybe" });
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.FromMilliseconds(450), TimeSpan.FromSeconds(30));
    }

    [SkippableFact]
    public async Task FunctionTimeout_LessTheMargin_EndsTheBodyToo()
    {
        await WarmAsync();
        var id = GatewayRequests.NewId();
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync(GatewayRequests.Text(
            "GET", "/", "x-request-id: " + id, "x-fc-function-timeout: 3", GatewayRequests.ScriptLine(["head", 200], ["write", "half"], ["hang"])));
        Assert.Equal(200, (await connection.ReadHeadAsync()).Status);
        Assert.NotNull(await connection.ReadChunkAsync());
        Assert.Null(await connection.ReadChunkAsync());
        Assert.Equal(new LedgerSnapshot(2, 1, 1, 0, 0, 0), await _gateway.SinceAsync(_before));
        Assert.Contains(_gateway.Log, l => l.Contains(id, StringComparison.Ordinal) && l.Contains("cut off by the function timeout", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task BodyAbove32MiB_413_Never_AndNothingIsRead()
    {
        var refused = await _gateway.SendAsync("POST", "/", ToMirror, "Content-Length: " + (32 * 1024 * 1024 + 1).ToString(CultureInfo.InvariantCulture));
        Assert.Equal("413 gateway body-too-large never", ProblemSeen.Of(refused).ToString());
        Assert.Equal("404", refused.Header("x-fc-status"));
        Assert.Equal(new LedgerSnapshot(0, 0, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableFact]
    public async Task ForwardedProtoAndHost_OfThePlatform_AreKept()
    {
        var seen = Mirrored.Of(await _gateway.SendAsync("GET", "/", ToMirror, "X-Forwarded-Proto: https", "X-Forwarded-Host: example.com"));
        Assert.Equal(("https", "example.com"), (seen.Header("x-forwarded-proto"), seen.Header("x-forwarded-host")));
    }

    private static string Forbidden() => GatewayRequests.ScriptLine(
        [
            "head", 200, new Dictionary<string, object>
            {
                ["Content-Length"] = "2", ["Date"] = "Thu, 01 Jan 1970 00:00:00 GMT", ["Server"] = "mine", ["x-fc-status"] = "777",
                ["X-Fc-Error-Type"] = "forged", ["content-disposition"] = "attachment; filename=a", ["x-other"] = "kept",
            },
        ],
        ["end", "ok"]);

    private async Task WarmAsync() => Assert.Equal(200, (await _gateway.SendAsync("GET", "/", GatewayRequests.ScriptLine(["end"]))).Status);

    private static Task<GatewayUnderTest> StartAsync(params (string Key, string Value)[] settings) => GatewayUnderTest.StartAsync(settings:
    [
        ("Platform:Mode", nameof(PlatformMode.FunctionCompute)),
        ("Routing:Routes:0:Host", "mirror"),
        ("Routing:Routes:0:Function", "mirror"),
        ("Routing:Default", "script"),
        .. settings,
    ]);

    public sealed class Instance : GatewayFixture
    {
        private protected override Task<GatewayUnderTest> StartAsync() => FunctionComputeTests.StartAsync();
    }
}
