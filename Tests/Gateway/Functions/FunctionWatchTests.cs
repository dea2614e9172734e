using System.IO.Pipelines;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Gateway.Functions;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Stats;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Functions;

/// <summary>Which functions are warm is known at once, and finding out costs an idle gateway nothing.</summary>
public sealed class FunctionWatchTests
{
    [SkippableFact]
    public async Task ANewAndALostWorker_AreKnownByTheirEvents()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        await Until.TrueAsync(() => gateway.Board.TemperatureOf("mirror") == FunctionTemperature.Cold, "the first picture does not come");
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await Until.TrueAsync(() => gateway.Board.TemperatureOf("mirror") == FunctionTemperature.Warm, "mirror does not become warm");
        var worker = Assert.Single(gateway.Node!.GetStats()["mirror"].Workers);
        System.Diagnostics.Process.GetProcessById(worker.Pid).Kill();
        await Until.TrueAsync(() => gateway.Board.TemperatureOf("mirror") == FunctionTemperature.Cold, "mirror stays warm");
        Assert.Equal(1, (await gateway.SettledAsync()).Completed);
    }

    [SkippableFact]
    public async Task ColdStarts_AndThoseAvoided_AreCountedPerFunction()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        await Until.TrueAsync(() => gateway.Board.TemperatureOf("mirror") == FunctionTemperature.Cold, "the first picture does not come");
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await Until.TrueAsync(() => gateway.Board.TemperatureOf("mirror") == FunctionTemperature.Warm, "mirror does not become warm");
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await gateway.SettledAsync();
        var counters = gateway.Board.List().Single(function => function.Name == "mirror").Counters;
        Assert.Equal((1L, 1L), (counters.ColdStarts, counters.ColdStartsAvoided));
    }

    /// <summary>Names come from clients. Were the node's functions not told to admission, the first 256 made-up ones would take all the room there is.</summary>
    [SkippableFact]
    public async Task NamesThatStrangersMakeUp_TakeAFunctionNothingOfItsOwn()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        for (var i = 0; i < 300; i++)
        {
            Assert.Equal(404, (await gateway.SendAsync("GET", "/invoke/stranger-" + i)).Status);
        }

        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        Assert.Equal((1, 300), ((await gateway.SettledAsync()).Completed, gateway.Ledger.Snapshot().Failed));
        Assert.Equal(1, gateway.Board.List().Single(function => function.Name == "mirror").Counters.Completed);
        Assert.DoesNotContain(gateway.Board.ListKnown(), function => function.Name.StartsWith("stranger-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Idle_ItAsksTheNodeForNothing_Busy_NowAndThen_AndOnceAfterwards()
    {
        var time = new ManualTimeProvider();
        var ledger = new InvocationLedger(time);
        var node = new CountingNode();
        await using var watch = new FunctionWatch(node, new FunctionBoard(ledger, time), ledger, Admission(ledger, time), time, NullLogger<FunctionWatch>.Instance);
        await PassAsync(TimeSpan.FromMinutes(10));
        Assert.Equal(0, node.Asked);
        var ticket = ledger.Accept("mirror", "r");
        await PassAsync(TimeSpan.FromSeconds(10));
        Assert.InRange(node.Asked, 4, 5);
        ticket.TryEnd(Outcome.Completed);
        await PassAsync(TimeSpan.FromSeconds(3));
        var after = node.Asked;
        await PassAsync(TimeSpan.FromMinutes(10));
        Assert.Equal(after, node.Asked);

        async Task PassAsync(TimeSpan span)
        {
            for (var passed = TimeSpan.Zero; passed < span; passed += TimeSpan.FromMilliseconds(500))
            {
                time.Advance(TimeSpan.FromMilliseconds(500));
                watch.Tick();
                await watch.Asking;
            }
        }
    }

    [Fact]
    public async Task AnEvent_IsFollowedByAPicture_WithTheNextTickThatMayAsk()
    {
        var time = new ManualTimeProvider();
        var ledger = new InvocationLedger(time);
        var node = new CountingNode();
        var board = new FunctionBoard(ledger, time);
        await using var watch = new FunctionWatch(node, board, ledger, Admission(ledger, time), time, NullLogger<FunctionWatch>.Instance);
        node.Tell(new NodeEvent("dp-0", null, new ContainerStatusReport { Event = "ContainerInstalled", FunctionName = "f", Name = "w" }));
        Assert.Equal(FunctionTemperature.Warm, board.TemperatureOf("f"));
        watch.Tick();
        Assert.Equal(0, node.Asked);
        time.Advance(FunctionWatch.BusyInterval);
        watch.Tick();
        await watch.Asking;
        Assert.Equal(1, node.Asked);
    }

    [Fact]
    public async Task AfterAThaw_NothingHeardBeforeIsReliedOn_AndItAsksAtOnce()
    {
        var time = new ManualTimeProvider();
        var ledger = new InvocationLedger(time);
        var node = new CountingNode();
        var board = new FunctionBoard(ledger, time);
        await using var watch = new FunctionWatch(node, board, ledger, Admission(ledger, time), time, NullLogger<FunctionWatch>.Instance);
        node.Tell(new NodeEvent("dp-0", null, new ContainerStatusReport { Event = "ContainerInstalled", FunctionName = "f", Name = "w" }));
        watch.Thawed();
        Assert.NotEqual(FunctionTemperature.Warm, board.TemperatureOf("f"));
        await watch.Asking;
        Assert.Equal(1, node.Asked);
    }

    private static AdmissionController Admission(InvocationLedger ledger, TimeProvider time) => new(ledger, new AdmissionOptions(), time);

    private sealed class CountingNode : INoslateNode
    {
        private int _asked;

        public event Action<NodeStatus>? StatusChanged
        {
            add { }
            remove { }
        }

        public event Action<NodeEvent>? EventReceived;

        public int Asked => Volatile.Read(ref _asked);

        public NodeStatus Status { get; } = new([], [], new ProfilesStatus(ProfilesState.None, null, null));

        public ProfileSet? Profiles => null;

        public void Tell(NodeEvent told) => EventReceived?.Invoke(told);

        public Task<NodeStats> GetStatsAsync(CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _asked);
            return Task.FromResult(new NodeStats([], null, null, []));
        }

        public ValueTask<InvocationCall> InvokeAsync(
            InvocationTarget target, InvocationRequest request, PipeReader? body, TimeSpan timeout, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public void SetProfiles(ProfileSet profiles) => throw new NotSupportedException();

        public Task CheckDataPlanesAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
