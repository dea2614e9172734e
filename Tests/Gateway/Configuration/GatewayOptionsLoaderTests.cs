using System.Net;
using Microsoft.Extensions.Configuration;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Routing;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Tests.Gateway.Configuration;

public sealed class GatewayOptionsLoaderTests
{
    private static GatewayOptions Load(params (string Key, string Value)[] values) =>
        GatewayOptionsLoader.Load(new ConfigurationBuilder()
            .AddInMemoryCollection(values.Append(("Node:Workdir", "/tmp/n")).DistinctBy(v => v.Item1).Select(v => KeyValuePair.Create(v.Item1, (string?)v.Item2)))
            .Build());

    private static IReadOnlyList<string> Errors(params (string Key, string Value)[] values) =>
        Assert.Throws<ConfigurationErrorsException>(() => Load(values)).Errors;

    [Fact]
    public void Defaults_AreTheDocumentedOnes()
    {
        var options = Load();
        Assert.Equal(
            (PlatformMode.Open, "0.0.0.0", 9000, "127.0.0.1", 9001),
            (options.Platform.Mode, options.Platform.Address, options.Platform.Port, options.Admin.Address, options.Admin.Port));
        Assert.True(options.Routing is { ByHeader: true, ByPath: true, Allow: null, Default: null });
        Assert.Equal((TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(60)), (options.Forwarding.Timeout, options.Forwarding.IdleTimeout));
        Assert.Null(options.Forwarding.MaxRequestBodyBytes);
    }

    [Theory]
    [InlineData("FC_FUNCTION_NAME", PlatformMode.FunctionCompute)]
    [InlineData("KUBERNETES_SERVICE_HOST", PlatformMode.Kubernetes)]
    public void Mode_IsFoundByTheEnvironment_AndAnExplicitSettingWins(string variable, PlatformMode mode)
    {
        Assert.Equal(mode, Load((variable, "x")).Platform.Mode);
        Assert.Equal(PlatformMode.Open, Load((variable, "x"), ("Platform:Mode", "open")).Platform.Mode);
    }

    [Fact]
    public void FunctionCompute_CallersDoNotChoose_UnlessConfigured()
    {
        var options = Load(("Platform:Mode", "FunctionCompute"));
        Assert.True(options.Routing is { ByHeader: false, ByPath: false });
        Assert.Equal((32 * 1024 * 1024L, 8192), (options.Forwarding.MaxRequestBodyBytes, options.Forwarding.MaxResponseHeaderBytes));
        Assert.True(Load(("Platform:Mode", "FunctionCompute"), ("Routing:ByPath", "true")).Routing is { ByHeader: false, ByPath: true });
    }

    /// <summary>A freeze may lie in the middle of a head.</summary>
    [Fact]
    public void HeadersTimeout_OutlastsAFreeze_InFunctionCompute_UnlessConfigured()
    {
        Assert.Equal(TimeSpan.FromSeconds(30), Load().Limits.RequestHeadersTimeout);
        Assert.Equal(TimeSpan.FromDays(1), Load(("Platform:Mode", "FunctionCompute")).Limits.RequestHeadersTimeout);
        Assert.Equal(
            TimeSpan.FromSeconds(5), Load(("Platform:Mode", "FunctionCompute"), ("Limits:RequestHeadersTimeout", "5s")).Limits.RequestHeadersTimeout);
    }

    /// <summary>Nobody speaks HTTP/2 in clear text unless told to.</summary>
    [Fact]
    public void Http2_IsOff_UnlessConfigured() =>
        Assert.Equal((null, 9002), (Load().Platform.Http2Port, Load(("Platform:Http2Port", "9002")).Platform.Http2Port));

    /// <summary>A drain intent is bound to it: a pod's next container has the same, another instance or pod does not.</summary>
    [Theory]
    [InlineData("FC_INSTANCE_ID", "c-1")]
    [InlineData("POD_UID", "2f1c")]
    public void ContainersLife_IsThePlatformsWordForIt(string variable, string value) =>
        Assert.Equal(value, Load((variable, value), ("POD_NAME", "pod-1")).Lifecycle.ContainerLife);

    [Fact]
    public void ListenPortOfThePlatform_Wins() => Assert.Equal(8080, Load(("Platform:Port", "9000"), ("FC_CUSTOM_LISTEN_PORT", "8080")).Platform.Port);

    [Theory]
    [InlineData("Dashboard:Enabled", "maybe")]
    [InlineData("Dashboard:SessionLifetime", "10s")]
    [InlineData("Dashboard:SessionLifetime", "8d")]
    [InlineData("Dashboard:MaxSessions", "0")]
    [InlineData("Dashboard:MaxLivePages", "-1")]
    [InlineData("Dashboard:RowsPerPage", "201")]
    public void DashboardOption_OutOfItsBounds_IsRefused(string key, string value) =>
        Assert.StartsWith($"{key} = \"{value}\": must be ", Assert.Single(Errors((key, value))), StringComparison.Ordinal);

    [Fact]
    public void SimulatedInstances_AreNoneByDefault_AndBounded()
    {
        Assert.Equal(0, Load().Simulation.Instances);
        Assert.Equal(10_000, Load(("Fleet:Simulate", "10000")).Simulation.Instances);
        Assert.Equal(["Fleet:Simulate = \"10001\": must be a whole number from 0 to 10000"], Errors(("Fleet:Simulate", "10001")));
    }

    [Fact]
    public void AllErrors_AreToldAtOnce_WithKeyAndValue()
    {
        var errors = Errors(
            ("Platform:Port", "abc"), ("Platform:Mode", "Lambda"), ("Admin:Address", "0.0.0.0"), ("Forwarding:Timeout", "-1s"), ("Routing:ByPath", "yes"),
            ("Node:Workdir", ""), ("Platform:HealthPath", "healthz"));
        Assert.Equal(7, errors.Count);
        Assert.Contains("Platform:Port = \"abc\": must be a whole number from 0 to 65535", errors);
        Assert.Contains("Platform:Mode = \"Lambda\": must be one of Open, FunctionCompute, Kubernetes", errors);
    }

    [Theory]
    [InlineData("x-fc-access-key-id")]
    [InlineData("X-Fc-Access-Key-Secret")]
    [InlineData("x-fc-security-token")]
    [InlineData("x-fc-tracing-jaeger-endpoint")]
    [InlineData("authorization")]
    public void AllowHeaders_CredentialsAndOthers_AreRefused(string name) => Assert.Contains(name, Assert.Single(Errors(("Forwarding:AllowHeaders", name))), StringComparison.Ordinal);

    [Fact]
    public void SamePortTwice_IsRefused() => Assert.Contains("Admin:Port", Assert.Single(Errors(("Admin:Port", "9000"))), StringComparison.Ordinal);

    [Fact]
    public void Workdir_TooLongForASocket_IsRefused() => Assert.Contains("107", Assert.Single(Errors(("Node:Workdir", "/tmp/" + new string('x', 100)))), StringComparison.Ordinal);

    [Theory]
    [InlineData("Node:Workdir", "/tmp/a\0b", "NUL")]
    [InlineData("Node:ReconnectMin", "1h", "Node:ReconnectMax")]
    public void RulesOfTheNodesClient_AreToldWithTheOthers(string key, string value, string what)
    {
        var errors = Errors((key, value), ("Platform:Mode", "Lambda"));
        Assert.Equal(2, errors.Count);
        Assert.Contains(errors, error => error.StartsWith(key, StringComparison.Ordinal) && error.Contains(what, StringComparison.Ordinal));
    }

    [Fact]
    public void Workdir_FromTheNodesOwnVariable() =>
        Assert.Equal("/tmp/other", GatewayOptionsLoader.Load(new ConfigurationBuilder()
            .AddInMemoryCollection([KeyValuePair.Create("NOSLATED_WORKDIR", (string?)"/tmp/other")]).Build()).Node.Workdir);

    [Fact]
    public void Routes_AreRead()
    {
        var rule = Assert.Single(Load(
            ("Routing:Routes:0:Host", "*.example.com"), ("Routing:Routes:0:PathPrefix", "/api"), ("Routing:Routes:0:Methods", "get,post"),
            ("Routing:Routes:0:Service", "s"), ("Routing:Routes:0:Timeout", "5s"), ("Routing:Routes:0:IdleTimeout", "none")).Routing.Routes);
        Assert.Equal(("*.example.com", "/api", new RouteTarget(InvocationTarget.Service, "s")), (rule.Host, rule.PathPrefix, rule.Target));
        Assert.Equal(["GET", "POST"], rule.Methods!);
        Assert.Equal((TimeSpan.FromSeconds(5), new IdleLimit(false, null)), (rule.Timeout, rule.Idle));
    }

    [Theory]
    [InlineData("Routing:Routes:0:Host", "a/b")]
    [InlineData("Routing:Routes:0:Host", "*a")]
    [InlineData("Routing:Routes:0:PathPrefix", "api")]
    [InlineData("Routing:Routes:0:PathPrefix", "/a/../b")]
    [InlineData("Routing:Routes:0:PathPrefix", "/a%20b")]
    [InlineData("Routing:Routes:0:Service", "both")]
    public void Route_ThatCannotMean_IsRefused(string key, string value) =>
        Assert.Contains(key, Assert.Single(Errors((key, value), ("Routing:Routes:0:Function", "f"))), StringComparison.Ordinal);

    [Fact]
    public void Route_WithoutTarget_IsRefused() => Assert.Contains("Routing:Routes:0", Assert.Single(Errors(("Routing:Routes:0:PathPrefix", "/x"))), StringComparison.Ordinal);

    [Theory]
    [InlineData("d", InvocationTarget.Function)]
    [InlineData("service|d", InvocationTarget.Service)]
    public void Default_IsRead(string value, InvocationTarget kind) => Assert.Equal(new RouteTarget(kind, "d"), Load(("Routing:Default", value)).Routing.Default);

    [Theory]
    [InlineData("250ms", 0.25)]
    [InlineData("1.5s", 1.5)]
    [InlineData("2m", 120)]
    [InlineData("1h", 3600)]
    [InlineData("00:00:05", 5)]
    public void Durations_AreReadInEveryForm(string text, double seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), Load(("Forwarding:Timeout", text)).Forwarding.Timeout);

    [Theory]
    [InlineData("5")]
    [InlineData("5 parsecs")]
    [InlineData("s")]
    [InlineData("9999999999999999999999h")]
    public void Durations_Unreadable_AreRefused(string text) => Assert.Contains("Forwarding:Timeout", Assert.Single(Errors(("Forwarding:Timeout", text))), StringComparison.Ordinal);

    [Fact]
    public void ProxyNetworks_AreRead_AndBadOnesRefused()
    {
        Assert.Equal([IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("192.168.1.5/32")], Load(("Forwarding:ProxyNetworks", "10.0.0.0/8, 192.168.1.5")).Forwarding.ProxyNetworks);
        Assert.Contains("10.0.0.0/99", Assert.Single(Errors(("Forwarding:ProxyNetworks", "10.0.0.0/99"))), StringComparison.Ordinal);
    }

    [Fact]
    public void MisspelledKeys_ArePointedOut() => Assert.Equal(["Platform:Prot"], Load(("Platform:Prot", "9000")).UnknownKeys);
}
