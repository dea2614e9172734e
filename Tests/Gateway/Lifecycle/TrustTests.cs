using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Lifecycle;

/// <summary>Nobody but the platform freezes or stops an instance: neither an outsider through an HTTP trigger nor a function's own code.</summary>
public sealed class TrustTests(TrustTests.InFunctionCompute fixture) : IClassFixture<TrustTests.InFunctionCompute>
{
    private const string Id = "x-fc-request-id: fc-1";

    /// <summary>From a peer that could be the platform, with marks that the platform does not send.</summary>
    public static TheoryData<string, string, string[]> FromOutside { get; } = new()
    {
        { "GET", "/pre-stop", [] },
        { "GET", "/pre-stop", ["x-fc-control-path: /pre-stop"] },
        { "GET", "/pre-stop", [Id, "x-fc-control-path: /http-invoke"] },
        { "GET", "/pre-stop", [Id, "x-fc-control-path: /invoke"] },
        { "GET", "/pre-stop", [Id, "x-fc-control-path: /pre-freeze"] },
        { "GET", "/pre-stop", [Id, "x-fc-control-path: /pre-stop, /http-invoke"] },
        { "GET", "/pre-stop", [Id, "x-fc-control-path: /PRE-STOP"] },
        { "GET", "/pre-stop", [Id, "x-fc-control-path:"] },
        { "GET", "/pre-stop", ["x-fc-request-id:", "x-fc-control-path: /pre-stop"] },
        { "POST", "/pre-stop", [Id, "x-fc-control-path: /pre-stop"] },
        { "HEAD", "/pre-stop", [Id, "x-fc-control-path: /pre-stop"] },
        { "GET", "/pre-stop?", [Id, "x-fc-control-path: /pre-stop"] },
        { "GET", "/pre-stop?a=1", [Id, "x-fc-control-path: /pre-stop"] },
        { "GET", "/pre-stop/", [Id, "x-fc-control-path: /pre-stop"] },
        { "GET", "/pre%2dstop", [Id, "x-fc-control-path: /pre-stop"] },
        { "GET", "//pre-stop", [Id, "x-fc-control-path: /pre-stop"] },
        { "GET", "/x/../pre-stop", [Id, "x-fc-control-path: /pre-stop"] },
        { "GET", "/Pre-Stop", [Id, "x-fc-control-path: /pre-stop"] },
        { "GET", "http://h/pre-stop", [Id, "x-fc-control-path: /pre-stop"] },
        { "GET", "/pre-freeze", [Id, "x-fc-control-path: /http-invoke"] },
        { "POST", "/pre-freeze", [Id] },
        { "POST", "/initialize", [Id] },
        { "POST", "/initialize", [Id, "x-fc-control-path: /http-invoke"] },
        { "GET", "/initialize", [Id, "x-fc-control-path: /initialize"] },
    };

    [SkippableTheory]
    [MemberData(nameof(FromOutside))]
    public async Task WithoutThePlatformsMarks_ItIsAnOrdinaryRequest(string method, string target, string[] lines)
    {
        var gateway = await fixture.Gateway;
        await AssertOrdinaryAsync(gateway, () => gateway.FromAsync(PlatformCalls.Peer, method, target, lines));
    }

    [SkippableTheory]
    [InlineData("x-fc-request-id: fc-2")]
    [InlineData("x-fc-control-path: /pre-stop")]
    [InlineData("X-FC-Control-Path: /http-invoke")]
    public async Task AMarkTwice_IsRefused(string second)
    {
        var gateway = await fixture.Gateway;
        var before = await gateway.SettledAsync();
        var response = await gateway.CallAsync("/pre-stop", second);
        Assert.Equal("400 gateway ambiguous-request never", ProblemSeen.Of(response).ToString());
        Assert.Equal(InstancePhase.Ready, gateway.Lifecycle.State.Phase);
        Assert.Equal(0, (await gateway.SinceAsync(before)).Accepted);
    }

    [SkippableTheory]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.8")]
    [InlineData("127.255.255.254")]
    public async Task PerfectMarks_FromLoopback_AreAnOrdinaryRequest(string from)
    {
        var gateway = await fixture.Gateway;
        await AssertOrdinaryAsync(gateway, () => gateway.FromAsync(IPAddress.Parse(from), "GET", "/pre-stop", Id, "x-fc-control-path: /pre-stop"));
    }

    [SkippableFact]
    public async Task PerfectMarks_FromAnAddressOfThisMachine_AreAnOrdinaryRequest()
    {
        var own = NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(card => card.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)
            .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address));
        Skip.If(own is null, "this machine has no address but loopback");
        var gateway = await fixture.Gateway;
        await AssertOrdinaryAsync(gateway, () => gateway.FromAsync(own, "GET", "/pre-stop", Id, "x-fc-control-path: /pre-stop"));
    }

    [SkippableFact]
    public async Task PerfectMarks_FromAFunctionsOwnCode_AreAnOrdinaryRequest()
    {
        var gateway = await fixture.Gateway;
        foreach (var path in new[] { "/pre-stop", "/pre-freeze" })
        {
            var marks = new Dictionary<string, string> { ["x-fc-request-id"] = "fc-1", ["x-fc-control-path"] = path, ["x-noslate-target"] = "mirror" };
            using var response = await gateway.Http.SendAsync(GatewayUnderTest.Scripted(["get", $"http://127.0.0.1:{gateway.Port}{path}", marks]));
            Assert.Equal("200", await response.Content.ReadAsStringAsync());
            Assert.Equal(InstancePhase.Ready, gateway.Lifecycle.State.Phase);
        }
    }

    [SkippableFact]
    public async Task TheAdminPort_HasNoHooks_AndNothingWithoutAToken()
    {
        var gateway = await fixture.Gateway;
        foreach (var path in new[] { "/pre-stop", "/undrain", "/api/functions", "/api/instance", "/metrics" })
        {
            using var response = await gateway.Admin.GetAsync(path);
            Assert.Equal("404 gateway no-token never", (await ProblemSeen.OfAsync(response)).ToString());
        }

        Assert.Equal(InstancePhase.Ready, gateway.Lifecycle.State.Phase);
    }

    private static async Task AssertOrdinaryAsync(GatewayUnderTest gateway, Func<Task<RawResponse>> send)
    {
        var before = await gateway.SettledAsync();
        Assert.Equal(200, (await send()).Status);
        Assert.Equal(InstancePhase.Ready, gateway.Lifecycle.State.Phase);
        Assert.Null(gateway.Lifecycle.LastReceipt);
        var since = await gateway.SinceAsync(before);
        Assert.Equal((1, 0, 0), (since.Accepted, since.Failed, since.Abandoned));
    }

    public sealed class InFunctionCompute : GatewayFixture
    {
        private protected override async Task<GatewayUnderTest> StartAsync()
        {
            var gateway = await GatewayUnderTest.StartAsync(settings: PlatformCalls.Settings);
            Assert.Equal(200, (await gateway.CallAsync("/initialize")).Status);
            return gateway;
        }
    }
}
