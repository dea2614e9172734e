using System.Globalization;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>A data plane or control plane that stops, dies, or is not there.</summary>
public sealed class PlaneLossTests
{
    private static readonly (string Key, string Value)[] _quickReconnect = [("Node:ReconnectMin", "5ms"), ("Node:ReconnectMax", "50ms")];

    [SkippableFact]
    public async Task StoppedBeforeTheHead_503_PlaneStopped_Maybe()
    {
        await using var gateway = await StartAsync();
        var call = await HangAsync(gateway);
        await gateway.Node!.StopDataPlaneAsync();
        using var response = await call;
        Assert.Equal("503 data-plane plane-stopped maybe", (await ProblemSeen.OfAsync(response)).ToString());
        Assert.Equal(new LedgerSnapshot(1, 0, 1, 0, 0, 0), await gateway.SettledAsync());
    }

    [SkippableFact]
    public async Task KilledBeforeTheHead_503_PlaneLost_Maybe_ForEveryCall()
    {
        await using var gateway = await StartAsync();
        var calls = new List<Task<HttpResponseMessage>>();
        for (var i = 0; i < 10; i++)
        {
            calls.Add(await HangAsync(gateway));
        }

        await gateway.Node!.KillDataPlaneAsync();
        foreach (var call in calls)
        {
            using var response = await call;
            Assert.Equal("503 data-plane plane-lost maybe", (await ProblemSeen.OfAsync(response)).ToString());
        }

        Assert.Equal(new LedgerSnapshot(10, 0, 10, 0, 0, 0), await gateway.SettledAsync());
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task LostInMidBody_ConnectionIsCut(bool kill)
    {
        await using var gateway = await StartAsync();
        using var connection = await RawConnection.OpenAsync(gateway.Port);
        await connection.SendAsync(GatewayRequests.Text("GET", "/invoke/script", GatewayRequests.ScriptLine(["head", 200], ["write", "half"], ["hang"])));
        await connection.ReadHeadAsync();
        Assert.NotNull(await connection.ReadChunkAsync());
        await (kill ? gateway.Node!.KillDataPlaneAsync() : gateway.Node!.StopDataPlaneAsync());
        Assert.Null(await connection.ReadChunkAsync());
        Assert.Equal(new LedgerSnapshot(1, 0, 1, 0, 0, 0), await gateway.SettledAsync());
    }

    [Fact]
    public async Task NoneThereFromTheStart_503_PlaneUnavailable_Never()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        await gateway.FailsAsync(GatewayUnderTest.Scripted(["end"]), "503 data-plane plane-unavailable never");
        Assert.Equal(new LedgerSnapshot(1, 0, 1, 0, 0, 0), await gateway.SettledAsync());
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task GoneAndBack_503UntilThen_ThenServedAgain_ServicesToo(bool kill)
    {
        await using var gateway = await StartAsync();
        Assert.Equal("", await ServedByServiceAsync(gateway));
        await (kill ? gateway.Node!.KillDataPlaneAsync() : gateway.Node!.StopDataPlaneAsync());
        await Until.TrueAsync(() => !gateway.Client.Status.Reachable, "the loss was not seen");
        var ran = gateway.Flag("ran");
        for (var i = 0; i < 3; i++)
        {
            await gateway.FailsAsync(
                GatewayUnderTest.Scripted(["append", ran, i.ToString(CultureInfo.InvariantCulture)]), "503 data-plane plane-unavailable never");
        }

        Assert.False(File.Exists(ran));
        await gateway.Node!.StartDataPlaneAsync();
        await Until.TrueAsync(async () => await ServedByServiceAsync(gateway) is "", "the service was not served again");
        using var response = await gateway.Http.SendAsync(GatewayUnderTest.Scripted(["end", "back"]));
        Assert.Equal("back", await response.Content.ReadAsStringAsync());
        await gateway.SettledAsync();
    }

    [SkippableFact]
    public async Task WhileItComesBack_NoCallFailsWithAnythingThatForbidsARetry()
    {
        await using var gateway = await StartAsync();
        await gateway.Node!.KillDataPlaneAsync();
        await Until.TrueAsync(() => !gateway.Client.Status.Reachable, "the loss was not seen");
        await gateway.Node.StartDataPlaneAsync();
        await Until.TrueAsync(
            async () =>
            {
                using var response = await gateway.Http.SendAsync(GatewayUnderTest.Scripted(["end"]));
                if (response.IsSuccessStatusCode)
                {
                    return true;
                }

                Assert.Equal((503, "never"), ((int)response.StatusCode, (await ProblemSeen.OfAsync(response)).Executed));
                return false;
            },
            "it was not served again");
        await gateway.SettledAsync();
    }

    [SkippableFact]
    public async Task ControlPlaneRestarts_CallsGoOn_AndTheProfilesAreGivenToItAgain()
    {
        await using var gateway = await StartAsync();
        var (running, go) = (gateway.Flag("running"), gateway.Flag("go"));
        var open = gateway.Http.SendAsync(GatewayUnderTest.Scripted(["touch", running], ["await", go], ["end", "through"]));
        await GatewayUnderTest.AppearsAsync(running);
        await gateway.Node!.KillControlPlaneAsync();
        using (var meanwhile = await gateway.Http.SendAsync(GatewayUnderTest.Scripted(["end", "meanwhile"])))
        {
            Assert.Equal("meanwhile", await meanwhile.Content.ReadAsStringAsync());
        }

        await gateway.Node.StartControlPlaneAsync();
        await File.WriteAllTextAsync(go, "");
        using (var response = await open)
        {
            Assert.Equal("through", await response.Content.ReadAsStringAsync());
        }

        // Its first worker can only be started by a control plane that knows it. Told before it knows it, it starts none.
        await Until.TrueAsync(() => gateway.Log.Count(l => l.Contains("are set on cp-0", StringComparison.Ordinal)) == 2, "the profiles were not given again");
        using var first = await gateway.Http.SendAsync(new(HttpMethod.Get, "/invoke/mirror"));
        Assert.Equal(200, (int)first.StatusCode);
        Assert.Equal(new LedgerSnapshot(3, 3, 0, 0, 0, 0), await gateway.SettledAsync());
    }

    private static Task<GatewayUnderTest> StartAsync() => GatewayUnderTest.StartAsync(
        services: [new { name = "front", type = "default", selector = new { functionName = "script" } }],
        settings: _quickReconnect,
        node: d => new EmulatorOptions { Workdir = d, ProfileSyncDelay = TimeSpan.FromMilliseconds(100) });

    /// <summary>Makes a call and returns once its function runs.</summary>
    private static async Task<Task<HttpResponseMessage>> HangAsync(GatewayUnderTest gateway)
    {
        var running = gateway.Flag("running-" + GatewayRequests.NewId());
        var call = gateway.Http.SendAsync(GatewayUnderTest.Scripted(["touch", running], ["hang"]));
        await GatewayUnderTest.AppearsAsync(running);
        return call;
    }

    /// <summary>Empty when the service answered, else the reason.</summary>
    private static async Task<string> ServedByServiceAsync(GatewayUnderTest gateway)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/")
        {
            Headers = { { "x-noslate-target", "service|front" }, { "x-script", GatewayUnderTest.Script(["end"]) } },
        };
        using var response = await gateway.Http.SendAsync(request);
        return response.IsSuccessStatusCode ? "" : (await ProblemSeen.OfAsync(response)).Reason;
    }
}
