using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>Which function a request reaches. Each function answers with its own name and the url it saw.</summary>
public sealed class RoutingEndToEndTests(RoutingEndToEndTests.FourFunctions fixture) : FixtureTests<RoutingEndToEndTests.FourFunctions>(fixture)
{
    [SkippableTheory]
    [InlineData("/invoke/b/x", "function|a", "a /invoke/b/x")]
    [InlineData("/invoke/b/x", null, "b /x")]
    [InlineData("/table/x", null, "c /table/x")]
    [InlineData("/other", null, "d /other")]
    public async Task Order_IsHeader_Path_Table_Default(string target, string? header, string expected)
    {
        var response = await _gateway.SendAsync("GET", target, header is null ? [] : ["x-noslate-target: " + header]);
        Assert.Equal((200, expected), (response.Status, response.Text));
    }

    [SkippableTheory]
    [InlineData("x-noslate-target: a")]
    [InlineData("x-noslate-target: function|a")]
    [InlineData("x-noslated-dispatch: function:a")]
    [InlineData("x-noslated-dispatch: a")]
    public async Task Header_NamesAFunction_InEveryForm(string line) => Assert.Equal("a /", (await _gateway.SendAsync("GET", "/", line)).Text);

    [SkippableTheory]
    [InlineData("x-noslate-target: worker|a")]
    [InlineData("x-noslate-target: function|")]
    public async Task Header_NotUnderstood_400_Never(string line) => await RefusedAsync("400 gateway bad-target never", "/", line);

    [SkippableFact]
    public async Task Header_GivenTwice_400_Never() => await RefusedAsync("400 gateway bad-target never", "/", "x-noslate-target: a", "x-noslate-target: a");

    [SkippableFact]
    public async Task Timeout_NotUnderstood_400_Never() => await RefusedAsync("400 gateway bad-timeout never", "/", "x-noslate-timeout-ms: soon");

    [SkippableTheory]
    [InlineData("x-noslate-target: service|front", "b /s")]
    [InlineData("x-noslated-dispatch: service:front", "b /s")]
    public async Task Service_WithADefault_ReachesItsFunction(string line, string expected) =>
        Assert.Equal(expected, (await _gateway.SendAsync("GET", "/s", line)).Text);

    [SkippableFact]
    public async Task Service_ByRoute_ReachesItsFunction() => Assert.Equal("b /by-route", (await _gateway.SendAsync("GET", "/by-route")).Text);

    [SkippableFact]
    public async Task Service_Proportional_ReachesEachOfItsFunctions()
    {
        // With two equal parts the chance that 64 calls miss one is one in 2^63.
        var seen = new HashSet<string>();
        for (var i = 0; i < 64; i++)
        {
            seen.Add((await _gateway.SendAsync("GET", "/", "x-noslate-target: service|split")).Text);
        }

        Assert.Equal(["a /", "b /"], seen.Order());
        Assert.Equal(new LedgerSnapshot(64, 64, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableTheory]
    [InlineData("/table/../x")]
    [InlineData("/table/./x")]
    [InlineData("/table/%2e%2E/x")]
    [InlineData("/table%2fx")]
    [InlineData("/table/a%2Fb")]
    [InlineData("/table/%zz")]
    public async Task DotSegmentOrEncodedSlash_MatchesNoPrefix(string target) =>
        Assert.Equal("d " + target, (await _gateway.SendAsync("GET", target)).Text);

    [SkippableFact]
    public async Task EncodedLetters_MatchThePrefix_AndReachTheFunctionAsTheyCame() =>
        Assert.Equal("c /t%61ble/x", (await _gateway.SendAsync("GET", "/t%61ble/x")).Text);

    [SkippableFact]
    public async Task Prefix_MatchesAtSegmentBordersOnly() => Assert.Equal("d /tablet", (await _gateway.SendAsync("GET", "/tablet")).Text);

    [SkippableFact]
    public async Task Host_AndMethod_OfTheTable()
    {
        Assert.Equal("a /", (await _gateway.SendAsync("GET", "/", "Host: deep.example.com:8080")).Text);
        Assert.Equal("d /", (await _gateway.SendAsync("GET", "/", "Host: example.com")).Text);
        Assert.Equal("b /", (await _gateway.SendAsync("DELETE", "/")).Text);
    }

    [SkippableFact]
    public async Task AllowList_BindsCallers_NotTheTableOrTheDefault()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(
            StartFunctions(), settings: [("Routing:Allow", "a"), ("Routing:Routes:0:PathPrefix", "/table"), ("Routing:Routes:0:Function", "c"), ("Routing:Default", "d")]);
        Assert.Equal("a /", (await gateway.SendAsync("GET", "/invoke/a")).Text);
        Assert.Equal("a /", (await gateway.SendAsync("GET", "/", "x-noslate-target: a")).Text);
        Assert.Equal("404 gateway no-route never", ProblemSeen.Of(await gateway.SendAsync("GET", "/invoke/c")).ToString());
        Assert.Equal("404 gateway no-route never", ProblemSeen.Of(await gateway.SendAsync("GET", "/", "x-noslate-target: d")).ToString());
        Assert.Equal("c /table", (await gateway.SendAsync("GET", "/table")).Text);
        Assert.Equal("d /", (await gateway.SendAsync("GET", "/")).Text);
        Assert.Equal(new LedgerSnapshot(4, 4, 0, 0, 0, 0), await gateway.SettledAsync());
    }

    [Fact]
    public async Task NoRoute_404_Never_AndNeverListsNames()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(
            [GatewayUnderTest.Function("who", "hidden-name", ("handler", "index.a"))], withNode: false, settings: [("Routing:Allow", "hidden-name")]);
        foreach (var target in new[] { "/", "/invoke", "/invoke/", "/invoke/wrong", "/invoke/..", "/invoke/a%2Fb" })
        {
            var response = await gateway.SendAsync("GET", target);
            Assert.Equal("404 gateway no-route never", ProblemSeen.Of(response).ToString());
            Assert.DoesNotContain("hidden-name", response.Text, StringComparison.Ordinal);
        }

        Assert.Equal(new LedgerSnapshot(0, 0, 0, 0, 0, 0), await gateway.SettledAsync());
    }

    private async Task RefusedAsync(string expected, string target, params string[] lines)
    {
        Assert.Equal(expected, ProblemSeen.Of(await _gateway.SendAsync("GET", target, lines)).ToString());
        Assert.Equal(new LedgerSnapshot(0, 0, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    private static object[] StartFunctions() => [.. new[] { "a", "b", "c", "d" }.Select(n => GatewayUnderTest.Function("who", n, ("handler", "index." + n)))];

    public sealed class FourFunctions : GatewayFixture
    {
        private protected override Task<GatewayUnderTest> StartAsync() => GatewayUnderTest.StartAsync(
            StartFunctions(),
            [
                new { name = "front", type = "default", selector = new { functionName = "b" } },
                new
                {
                    name = "split",
                    type = "proportional-load-balance",
                    selectors = new[]
                    {
                        new { selector = new { functionName = "a" }, proportion = 0.5 },
                        new { selector = new { functionName = "b" }, proportion = 0.5 },
                    },
                },
            ],
            [
                ("Routing:Routes:0:PathPrefix", "/table"),
                ("Routing:Routes:0:Function", "c"),
                ("Routing:Routes:1:PathPrefix", "/by-route"),
                ("Routing:Routes:1:Service", "front"),
                ("Routing:Routes:2:Host", "*.example.com"),
                ("Routing:Routes:2:Function", "a"),
                ("Routing:Routes:3:Methods", "DELETE"),
                ("Routing:Routes:3:Function", "b"),
                ("Routing:Default", "function|d"),
            ]);
    }
}
