using NoslateFleet.Emulator.Node;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Control;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Emulator.Harness;

namespace NoslateFleet.Tests.Emulator.Node;

/// <summary>Each fault does what it says, and only to the calls that it is for.</summary>
public sealed class FaultTests
{
    [Fact]
    public async Task Refuse_EndsCallsWithTheStatus_AndNothingElse()
    {
        await using TestNode node = await EchoAsync();
        node.Node.Faults.Invocations = CallFault.Refuse(8, "Bandwidth exhausted");
        using (RpcTestCall call = await node.OpenAsync(node.Request("echo")))
            Assert.Equal((8, "Bandwidth exhausted"), await call.StatusAsync());
        await node.TrafficAsync();
        await node.SnapshotAsync();
        node.Node.Faults.Invocations = null;
        Assert.Equal(200, (await node.CallAsync("echo")).Status);
        Assert.Equal(1, node.Node.GetStats()["echo"].Dispatched);
    }

    [Fact]
    public async Task Silence_LeavesTheCallOpen_UntilTheClientEndsIt()
    {
        await using TestNode node = await EchoAsync();
        node.Node.Faults.Invocations = CallFault.Silence;
        RpcTestCall call = await node.OpenAsync(node.Request("echo"));
        await node.Node.WaitForAsync(it => it.OpenDataPlaneCalls == 1);
        Assert.False(call.Response.IsCompleted);
        call.Cancel();
        await node.Node.WaitForAsync(it => it.OpenDataPlaneCalls == 0);
        call.Dispose();
    }

    [Fact]
    public async Task Garbage_IsNoProtobuf()
    {
        await using TestNode node = await EchoAsync();
        node.Node.Faults.Invocations = CallFault.Garbage;
        using RpcTestCall call = await node.OpenAsync(node.Request("echo"));
        byte[] message = (await call.ReadMessageAsync())!;
        Assert.Throws<Google.Protobuf.InvalidProtocolBufferException>(() => InvokeResponse.Parser.ParseFrom(message));
    }

    [Fact]
    public async Task Delay_HoldsTheAnswer_ForThatLongByTheClock()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await EchoAsync(clock);
        node.Node.Faults.Invocations = CallFault.Delay(TimeSpan.FromMinutes(1));
        using RpcTestCall call = await node.OpenAsync(node.Request("echo"));
        await clock.WhenArmedAsync(TimeSpan.FromMinutes(1));
        Assert.False(call.Response.IsCompleted);
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(200, (await call.ReadAsync())!.Result.Status);
    }

    [Fact]
    public async Task Cut_ResetsTheStream_OnceTheBytesWereAnswered()
    {
        await using TestNode node = await EchoAsync();
        node.Node.Faults.Invocations = CallFault.CutAfter(1000);
        using RpcTestCall call = await node.OpenAsync(node.Request("echo"));
        Assert.Equal(200, (await call.ReadAsync())!.Result.Status);
        await call.SendAsync(new InvokeRequest { Body = Google.Protobuf.ByteString.CopyFrom(new byte[1000]) });
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            while (await call.ReadMessageAsync() is not null)
            {
            }
        });
        await node.Node.WaitForAsync(it => it.OpenDataPlaneCalls == 0);
    }

    [Fact]
    public async Task ControlPlaneFault_LeavesTheDataPlaneAlone()
    {
        await using TestNode node = await EchoAsync();
        node.Node.Faults.ControlPlane = CallFault.Refuse(14, "gone");
        using RpcTestCall call = node.Control.Send("/noslated.control.ControlPlane/checkHealth", RpcClient.Frame([]));
        Assert.Equal((14, "gone"), await call.StatusAsync());
        Assert.Equal(200, (await node.CallAsync("echo")).Status);
    }

    [SkippableFact]
    public async Task HangingStart_StaysListedAsStarting_AndGoesOnWhenReleased()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello"));
        node.Node.Faults.WorkerStartsHang = true;
        Task<Outcome> call = node.CallAsync("hello");
        await node.Node.WaitForAsync(it => it["hello"] is { Queued: 1, Workers: [{ State: NoslateFleet.Emulator.Workers.WorkerState.Created }] });
        Noslate.Protocol.Control.BrokerStats broker = Assert.Single((await node.SnapshotAsync()).Brokers);
        Assert.Equal((1, 0, 0), (broker.InitiatingWorkerCount, broker.ActiveWorkerCount, broker.Workers[0].Pid));
        Assert.False(call.IsCompleted);
        node.Node.Faults.WorkerStartsHang = false;
        Assert.Equal(200, (await call).Status);
    }

    [SkippableFact]
    public async Task FunctionRemovedWhileItsWorkerStarts_IsCounted()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello", change: it => it.Worker.ReservationCount = 1));
        await node.Node.WaitForAsync(it => it["hello"].Ready == 1);
        await node.SetAsync();
        Assert.Equal(0, node.Node.EarlyRemovals);
        node.Node.Faults.WorkerStartsHang = true;
        await node.SetAsync(TestNode.Function("hello", change: it => it.Worker.ReservationCount = 1));
        await node.Node.WaitForAsync(it => it["hello"].Workers.Count == 1);
        await node.SetAsync();
        Assert.Equal(1, node.Node.EarlyRemovals);
    }

    private static Task<TestNode> EchoAsync(TimeProvider? clock = null) => TestNode.StartAsync(
        clock, directory => new EmulatorOptions { Workdir = directory, BuiltInEcho = true, NodePath = "/no/such/node" }, needsNode: false);
}
