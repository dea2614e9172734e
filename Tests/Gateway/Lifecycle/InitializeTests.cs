using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Lifecycle;

/// <summary>/initialize, and what takes its place where nobody calls it.</summary>
public sealed class InitializeTests
{
    [SkippableFact]
    public async Task Initialize_MakesTheInstanceReady_AndAgain_200AtOnce()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: PlatformCalls.Settings);
        Assert.Equal(InstancePhase.Starting, gateway.Lifecycle.State.Phase);
        foreach (var _ in Enumerable.Range(0, 2))
        {
            var response = await gateway.CallAsync("/initialize");
            Assert.Equal((200, "200"), (response.Status, response.Header("x-fc-status")));
            Assert.Equal(InstancePhase.Ready, gateway.Lifecycle.State.Phase);
        }

        Assert.Equal(0, (await gateway.SettledAsync()).Accepted);
    }

    [SkippableFact]
    public async Task Initialize_WaitsForReservedWorkers()
    {
        var function = GatewayUnderTest.Function("mirror", null, ("worker", new { reservationCount = 2 }));
        await using var gateway = await GatewayUnderTest.StartAsync(functions: [function], settings: PlatformCalls.Settings);
        Assert.Equal(200, (await gateway.CallAsync("/initialize")).Status);
        Assert.Equal(2, gateway.Node!.GetStats()["mirror"].Ready);
    }

    [SkippableFact]
    public async Task Initialize_WhileReservedWorkersHang_404_AndSaysWhichAreMissing()
    {
        await using var gateway = await StartWithHangingWorkersAsync();
        var response = await gateway.CallAsync("/initialize", "x-fc-initialization-timeout: 1");
        Assert.Equal((404, "404"), (response.Status, response.Header("x-fc-status")));
        Assert.Equal("404 gateway not-initialised never", ProblemSeen.Of(response).ToString());
        Assert.Contains("mirror has 0 of 1 reserved workers", response.Text, StringComparison.Ordinal);
        Assert.Equal(InstancePhase.Starting, gateway.Lifecycle.State.Phase);
        gateway.Node!.Faults.WorkerStartsHang = false;
        Assert.Equal(200, (await gateway.CallAsync("/initialize")).Status);
    }

    [Fact]
    public async Task Initialize_WithoutANode_404WithinThePlatformsTime_AndSaysSo()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: PlatformCalls.Settings);
        var response = await gateway.CallAsync("/initialize", "x-fc-initialization-timeout: 1");
        Assert.Equal("404 gateway not-initialised never", ProblemSeen.Of(response).ToString());
        Assert.Contains("no data plane is connected", response.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Initialize_WithABadFunctionsFile_404_AndSaysWhatIsWrong()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: PlatformCalls.Settings, content: "{\"functions\":[{}]}");
        var response = await gateway.CallAsync("/initialize", "x-fc-initialization-timeout: 1");
        Assert.Contains("the functions file", response.Text, StringComparison.Ordinal);
        Assert.Equal(404, response.Status);
    }

    [SkippableFact]
    public async Task AnInvocationBeforeAnyInitialize_StartsItItself()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: PlatformCalls.Settings);
        Assert.Equal(InstancePhase.Starting, gateway.Lifecycle.State.Phase);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/")).Status);
        Assert.Equal(InstancePhase.Ready, gateway.Lifecycle.State.Phase);
        Assert.Equal(1, (await gateway.SettledAsync()).Completed);
    }

    [Fact]
    public async Task AnInvocationBeforeAnyInitialize_ThatCantSucceed_Is503WithinItsDeadline()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: PlatformCalls.Settings);
        var response = await gateway.SendAsync("GET", "/", "x-fc-function-timeout: 1");
        Assert.Equal("503 gateway starting never", ProblemSeen.Of(response).ToString());
        Assert.Equal(0, (await gateway.SettledAsync()).Accepted);
    }

    [SkippableFact]
    public async Task AnInvocationThatJoinsARunWithLessTimeThanItsOwn_WaitsOnWithinItsDeadline()
    {
        await using var gateway = await StartWithHangingWorkersAsync();
        var run = gateway.Lifecycle.InitializeAsync(TimeSpan.FromSeconds(1), byHook: true, CancellationToken.None);
        var invocation = gateway.SendAsync("GET", "/", "x-fc-function-timeout: 30");
        Assert.NotNull(await run);
        gateway.Node!.Faults.WorkerStartsHang = false;
        Assert.Equal(200, (await invocation).Status);
        Assert.Equal(InstancePhase.Ready, gateway.Lifecycle.State.Phase);
        Assert.Equal(1, (await gateway.SettledAsync()).Completed);
    }

    [SkippableFact]
    public async Task Initialize_ThatJoinsARunWithMoreTime_AnswersWithinThePlatformsOwn()
    {
        await using var gateway = await StartWithHangingWorkersAsync();
        var run = gateway.Lifecycle.InitializeAsync(budget: null, byHook: false, CancellationToken.None);
        var response = await gateway.CallAsync("/initialize", "x-fc-initialization-timeout: 1");
        Assert.Equal("404 gateway not-initialised never", ProblemSeen.Of(response).ToString());
        Assert.False(run.IsCompleted);
        gateway.Node!.Faults.WorkerStartsHang = false;
        Assert.Null(await run);
        Assert.Equal(200, (await gateway.CallAsync("/initialize", "x-fc-initialization-timeout: 1")).Status);
    }

    [SkippableFact]
    public async Task OutsideFunctionCompute_TheProcessInitialisesItself_OnceTheNodeIsThere()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: [("Node:ReconnectMin", "5ms"), ("Node:ReconnectMax", "20ms")]);
        Requires.Node();
        Assert.Equal(InstancePhase.Starting, gateway.Lifecycle.State.Phase);
        await using var node = new NoslateFleet.Emulator.Node.EmulatedNode(new NoslateFleet.Emulator.Node.EmulatorOptions { Workdir = gateway.Directory });
        await node.StartAsync();
        await gateway.Client.WaitForReadyAsync(CancellationToken.None);
        await Until.TrueAsync(() => gateway.Lifecycle.State.Phase == InstancePhase.Ready, "the instance did not initialise itself");
    }

    private static async Task<GatewayUnderTest> StartWithHangingWorkersAsync()
    {
        var function = GatewayUnderTest.Function("mirror", null, ("worker", new { reservationCount = 1 }));
        var gateway = await GatewayUnderTest.StartWithFileAsync("{\"functions\":[]}", PlatformCalls.Settings);
        gateway.Node!.Faults.WorkerStartsHang = true;
        await gateway.WriteFunctionsAsync([function]);
        await Until.TrueAsync(
            () => gateway.Client is { Profiles: { Functions.Count: 1, Version: var version }, Status: { Ready: true, Profiles.Version: var applied } } && applied == version,
            "the file was not applied");
        return gateway;
    }
}
