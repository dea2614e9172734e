using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Routing;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Tests.Gateway.Routing;

public sealed class RouterTests
{
    private static readonly IdleLimit _inherit = new(Inherit: true, null);

    private static RouteDecision Decide(RoutingOptions options, string target, string method = "GET", params (string Name, string Value)[] headers)
    {
        var dictionary = new HeaderDictionary { ["Host"] = "example.com" };
        foreach (var (name, value) in headers)
        {
            dictionary[name] = dictionary.TryGetValue(name, out var earlier) && name != "Host" ? new Microsoft.Extensions.Primitives.StringValues((string[])[.. earlier!, value]) : value;
        }

        return new Router(options).Decide(method, target, dictionary);
    }

    private static RouteRule Rule(string function, string? host = null, string? prefix = null, params string[] methods) =>
        new(host, prefix, methods, new RouteTarget(InvocationTarget.Function, function), null, _inherit);

    private static RoutingOptions Table(params RouteRule[] rules) => new() { Routes = rules };

    [Theory]
    [InlineData("x-noslate-target", "function|a", InvocationTarget.Function, "a")]
    [InlineData("x-noslate-target", "service|a", InvocationTarget.Service, "a")]
    [InlineData("x-noslated-dispatch", "function:a", InvocationTarget.Function, "a")]
    [InlineData("x-noslated-dispatch", "service:a", InvocationTarget.Service, "a")]
    [InlineData("x-noslated-dispatch", "a", InvocationTarget.Function, "a")]
    [InlineData("x-noslate-target", "function|a:b|c", InvocationTarget.Function, "a:b|c")]
    public void Header_NamesATarget_WinsOverPath(string header, string value, InvocationTarget kind, string name)
    {
        var decision = Decide(new RoutingOptions(), "/invoke/other/x", headers: (header, value));
        Assert.Equal(new RouteTarget(kind, name), decision.Target);
        Assert.Equal("/invoke/other/x", decision.Url);
    }

    [Fact]
    public void BothHeaders_OursWins() =>
        Assert.Equal("a", Decide(new RoutingOptions(), "/", headers: [("x-noslated-dispatch", "b"), ("x-noslate-target", "function|a")]).Target!.Name);

    [Theory]
    [InlineData("worker|a")]
    [InlineData("function|")]
    [InlineData("")]
    [InlineData("|a")]
    public void Header_NotUnderstood_IsMalformed(string value) =>
        Assert.Equal(RouteOutcome.Malformed, Decide(new RoutingOptions(), "/invoke/a", headers: ("x-noslate-target", value)).Outcome);

    [Fact]
    public void Header_Twice_IsMalformed() =>
        Assert.Equal(
            RouteOutcome.Malformed,
            Decide(new RoutingOptions(), "/", headers: [("x-noslate-target", "function|a"), ("x-noslate-target", "function|b")]).Outcome);

    [Fact]
    public void Header_SwitchedOff_IsPassedOver() =>
        Assert.Equal("b", Decide(new RoutingOptions { ByHeader = false }, "/invoke/b", headers: ("x-noslate-target", "function|a")).Target!.Name);

    [Fact]
    public void Path_SwitchedOff_IsPassedOver() =>
        Assert.Equal(RouteOutcome.None, Decide(new RoutingOptions { ByPath = false }, "/invoke/b").Outcome);

    [Fact]
    public void Path_WinsOverTableAndDefault()
    {
        var options = new RoutingOptions { Routes = [Rule("t", prefix: "/invoke")], Default = new RouteTarget(InvocationTarget.Function, "d") };
        var decision = Decide(options, "/invoke/b/rest?q");
        Assert.Equal(("b", "/rest?q"), (decision.Target!.Name, decision.Url));
    }

    [Fact]
    public void AllowList_NameNotOnIt_IsNoRoute_EvenWithADefault()
    {
        var options = new RoutingOptions { Allow = ["a"], Default = new RouteTarget(InvocationTarget.Function, "d") };
        Assert.Equal(RouteOutcome.None, Decide(options, "/invoke/b").Outcome);
        Assert.Equal(RouteOutcome.None, Decide(options, "/", headers: ("x-noslate-target", "function|b")).Outcome);
        Assert.Equal("a", Decide(options, "/invoke/a").Target!.Name);
        Assert.Equal("d", Decide(options, "/").Target!.Name);
    }

    [Fact]
    public void Nothing_IsNoRoute() => Assert.Equal(RouteOutcome.None, Decide(new RoutingOptions(), "/").Outcome);

    [Theory]
    [InlineData("/api", true)]
    [InlineData("/api/x?y", true)]
    [InlineData("/apix", false)]
    [InlineData("/API", false)]
    [InlineData("/%61pi/x", true)]
    [InlineData("/api/../x", false)]
    [InlineData("/api/%2e%2e/x", false)]
    [InlineData("/api/a%2Fb", false)]
    public void PathPrefix_MatchesDecodedPathAtSegmentBorders(string target, bool matches)
    {
        var decision = Decide(Table(Rule("t", prefix: "/api")), target);
        Assert.Equal(matches, decision.Outcome == RouteOutcome.Found);
        if (matches)
        {
            Assert.Equal(target, decision.Url);
        }
    }

    [Theory]
    [InlineData("example.com", "example.com", true)]
    [InlineData("example.com", "EXAMPLE.com:8080", true)]
    [InlineData("example.com", "www.example.com", false)]
    [InlineData("*.example.com", "www.example.com", true)]
    [InlineData("*.example.com", "example.com", false)]
    [InlineData("*.example.com", "badexample.com", false)]
    public void Host_MatchesWithoutPortAndCase(string pattern, string host, bool matches) =>
        Assert.Equal(matches, Decide(Table(Rule("t", host: pattern)), "/", headers: ("Host", host)).Outcome == RouteOutcome.Found);

    [Fact]
    public void Method_IsMatched_FirstRowWins()
    {
        var options = Table(Rule("get", methods: "GET"), Rule("any"), Rule("never"));
        Assert.Equal("get", Decide(options, "/").Target!.Name);
        Assert.Equal("any", Decide(options, "/", "POST").Target!.Name);
    }
}
