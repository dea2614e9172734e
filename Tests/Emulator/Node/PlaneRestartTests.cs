using System.Net.Sockets;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Control;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Emulator.Harness;

namespace NoslateFleet.Tests.Emulator.Node;

public sealed class PlaneRestartTests
{
    [SkippableFact]
    public async Task DataPlaneStopped_ResetsCallsWithCancel_AndRemovesItsFile()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("gate"));
        using RpcTestCall call = await node.OpenAsync(node.Request("gate", "/head/a"));
        await call.ReadAsync();
        await call.ReadAsync();
        Task<byte[]?> reading = call.ReadMessageAsync();
        await node.Node.StopDataPlaneAsync();
        HttpProtocolException error = await Assert.ThrowsAnyAsync<HttpProtocolException>(() => reading);
        Assert.Equal(8, error.ErrorCode);
        Assert.False(File.Exists(node.Node.DataPlaneSocket()));
        Assert.Empty(node.Node.GetStats()["gate"].Workers);
    }

    [SkippableFact]
    public async Task DataPlaneKilled_CutsConnections_LeavesAStaleFile_WhichTheNextStartReplaces()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("gate"), TestNode.Function("hello"));
        using RpcTestCall call = await node.OpenAsync(node.Request("gate", "/head/a"));
        await call.ReadAsync();
        await call.ReadAsync();
        Task<byte[]?> reading = call.ReadMessageAsync();
        await node.Node.KillDataPlaneAsync();
        Exception error = await Assert.ThrowsAnyAsync<IOException>(() => reading);
        Assert.IsNotType<HttpProtocolException>(error);
        Assert.True(File.Exists(node.Node.DataPlaneSocket()));
        using (var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            SocketException refused = Assert.Throws<SocketException>(() => probe.Connect(new UnixDomainSocketEndPoint(node.Node.DataPlaneSocket())));
            Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        }

        await node.Node.StartDataPlaneAsync();
        node.Reconnect();
        Assert.True((await node.Data.UnaryAsync<PlaneHealthyResponse>("/noslated.data.DataPlane/checkHealth", new Empty())).Health);
    }

    [SkippableFact]
    public async Task RestartedDataPlane_AnswersCode5_UntilTheControlPlaneIsBackWithIt_AndHasLostItsServices()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("hello"));
        await node.SetServicesAsync(new FunctionService
        {
            Name = "s",
            Type = "default",
            Selector = { new Noslate.Protocol.Common.KeyValuePair { Key = "functionName", Value = "hello" } },
        });
        await node.CallAsync("hello");
        await node.Node.StopDataPlaneAsync();
        await node.Node.StartDataPlaneAsync();
        node.Reconnect();
        Outcome early = await node.CallAsync("hello");
        Assert.Equal((5, "No function named hello registered in this node."), (early.Error?.Code, early.Error?.Message));
        clock.Advance(node.Node.Options.ProfileSyncDelay);
        Assert.Equal("hello", (await node.CallAsync("hello")).Text);
        Assert.Equal("Service not found.", (await node.CallAsync(node.Request("s"), TestNode.InvokeService)).Error?.Message);
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RestartedControlPlane_KnowsNothing_WhileCallsGoOn_UntilProfilesArePushed(bool kill)
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("gate"));
        using RpcTestCall call = await node.OpenAsync(node.Request("gate", "/head/a"));
        await call.ReadAsync();
        if (kill)
            await node.Node.KillControlPlaneAsync();
        else
            await node.Node.StopControlPlaneAsync();
        Assert.Equal(kill, File.Exists(node.Node.ControlPlaneSocket()));
        using (RpcTestCall whileDown = await node.OpenAsync(node.Request("gate", "/head/b")))
            Assert.Equal(200, (await whileDown.ReadAsync())!.Result.Status);
        await node.Node.StartControlPlaneAsync();
        using var control = new RpcClient(node.Node.ControlPlaneSocket());
        Assert.Empty((await control.UnaryAsync<GetFunctionProfileResponse>(
            "/noslated.control.ControlPlane/getFunctionProfile", new Empty())).Profiles);
        Assert.Empty((await control.UnaryAsync<WorkerStatsSnapshotResponse>(
            "/noslated.control.ControlPlane/getWorkerStatsSnapshot", new Empty())).Brokers);
        await control.UnaryAsync<SetFunctionProfileResponse>(
            "/noslated.control.ControlPlane/setFunctionProfile", new SetFunctionProfileRequest { Profiles = { TestNode.Function("gate") } });
        Assert.Equal(1, Assert.Single((await control.UnaryAsync<WorkerStatsSnapshotResponse>(
            "/noslated.control.ControlPlane/getWorkerStatsSnapshot", new Empty())).Brokers).ActiveWorkerCount);
        Assert.Equal("opened", (await node.CallAsync("gate", "/open/a")).Text);
        Assert.Equal(".", (await call.ReadAsync())!.Result.Body.ToStringUtf8());
        Assert.Equal("passed", (await call.ReadAsync())!.Result.Body.ToStringUtf8());
    }

    [SkippableFact]
    public async Task SeveralPlanes_ShareTheFunctions()
    {
        await using TestNode node = await TestNode.StartAsync(options: it => new() { Workdir = it, DataPlaneCount = 2, ControlPlaneCount = 2 });
        await node.SetAsync(TestNode.Function("hello"));
        await node.Node.StopDataPlaneAsync(0);
        using var second = new RpcClient(node.Node.DataPlaneSocket(1));
        WorkerTrafficStatsResponse stats = await second.UnaryAsync<WorkerTrafficStatsResponse>("/noslated.data.DataPlane/getWorkerTrafficStats", new Empty());
        Assert.Empty(stats.Brokers);
        await node.Node.StartDataPlaneAsync(0);
        node.Reconnect();
        Assert.Equal("hello", (await node.CallAsync("hello")).Text);
    }

    [SkippableFact]
    public async Task LiveSocket_IsAnErrorInOneLine()
    {
        await using TestNode node = await TestNode.StartAsync();
        await using var second = new EmulatedNode(new EmulatorOptions { Workdir = node.Directory });
        EmulatorStartException error = await Assert.ThrowsAsync<EmulatorStartException>(() => second.StartAsync());
        Assert.Equal($"another process answers on {node.Node.DataPlaneSocket()}; stop it or choose another workdir", error.Message);
        await second.DisposeAsync();

        // The first one is unharmed.
        Assert.True((await node.Data.UnaryAsync<PlaneHealthyResponse>("/noslated.data.DataPlane/checkHealth", new Empty())).Health);
    }

    [SkippableFact]
    public async Task LongWorkdir_IsAnErrorThatNamesTheLimit()
    {
        await using TestNode node = await TestNode.StartAsync();
        await using var far = new EmulatedNode(new EmulatorOptions { Workdir = Path.Combine(node.Directory, new string('x', 120)) });
        EmulatorStartException error = await Assert.ThrowsAsync<EmulatorStartException>(() => far.StartAsync());
        Assert.Contains("107", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WrongOptions_AreAllNamedAtOnce()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => new EmulatedNode(new EmulatorOptions
        {
            Workdir = " ",
            DataPlaneCount = 0,
            ControlPlaneCount = 17,
            ScaleInterval = TimeSpan.Zero,
        }));
        foreach (string name in (string[])["Workdir", "DataPlaneCount", "ControlPlaneCount", "ScaleInterval"])
            Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }
}
