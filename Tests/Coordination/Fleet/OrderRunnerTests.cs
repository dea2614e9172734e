using System.Collections.Concurrent;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Coordination.Lifecycle;

namespace NoslateFleet.Tests.Coordination.Fleet;

/// <summary>Which orders an instance carries out, when, and what it answers.</summary>
public sealed class OrderRunnerTests : IAsyncDisposable
{
    private const string Life = "life-1";

    private readonly List<IAsyncDisposable> _runners = [];
    private readonly List<InstanceUnderTest> _instances = [];
    private readonly ConcurrentQueue<string> _flushes = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly InMemoryFleetDirectory _directory;
    private readonly AbsentableDirectory _orders;
    private Func<CancellationToken, Task> _flush = _ => Task.CompletedTask;
    private int _changes;
    private volatile bool _fencedOff;

    public OrderRunnerTests()
    {
        _directory = new InMemoryFleetDirectory(_clock);
        _orders = new AbsentableDirectory(_directory);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var runner in _runners)
        {
            await runner.DisposeAsync();
        }

        _instances.ForEach(static instance => instance.Dispose());
    }

    [Fact]
    public async Task OrderPlacedWhileTheInstanceRuns_IsTakenOnNotice()
    {
        await StartAsync();
        await PlaceAsync("o", FleetOrderKind.Flush);

        var result = await ResultAsync("o");

        Assert.Equal((FleetOrderOutcome.Done, "b-1", 1), (result.Outcome, result.Boot, result.Epoch));
        Assert.Single(_flushes);
        Assert.Equal(1, _changes);
    }

    [Fact]
    public async Task OrderPlacedBeforeTheStart_IsTakenAtTheStart()
    {
        await PlaceAsync("o", FleetOrderKind.Flush);

        await StartAsync();

        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("o")).Outcome);
    }

    [Fact]
    public async Task OrderWhoseNoticeIsLost_IsTakenAfterAThaw()
    {
        var it = await StartAsync(new DeafNotices());
        await Until.TrueAsync(() => _orders.Asked == 1, "the runner did not look at its start");
        await PlaceAsync("o", FleetOrderKind.Flush);

        _clock.Advance(TimeSpan.FromMinutes(3));
        it.Life.Tick();

        var result = await ResultAsync("o");
        Assert.Equal((FleetOrderOutcome.Done, 2), (result.Outcome, result.Epoch));
    }

    /// <summary>The times of an order are the directory's. An instance whose clock is ahead took none of them, and one behind drained for longer.</summary>
    [Theory]
    [InlineData(-2)]
    [InlineData(2)]
    public async Task ClockThatDiffersFromTheDirectorys_NeitherLosesAnOrder_NorKeepsADrainForLonger(int hours)
    {
        var clock = new ManualTimeProvider();
        clock.JumpWallClock(TimeSpan.FromHours(hours));
        var elsewhere = new InMemoryFleetDirectory(clock);
        (_orders.Inner, _orders.Clock) = (elsewhere, clock);
        var it = await StartAsync(elsewhere);
        var now = clock.GetUtcNow();
        await elsewhere.PlaceAsync(new FleetOrder("o", "i-1", Life, FleetOrderKind.Drain, "tests", now, now + TimeSpan.FromHours(1)), default);
        await Until.TrueAsync(
            async () => (await elsewhere.ListAsync("i-1", default)).Single().Result is { Outcome: FleetOrderOutcome.Done } result && result.At == now,
            "it is not carried out at the directory's time");
        await _clock.WhenArmedAsync(TimeSpan.FromHours(1));
        Assert.Equal(InstancePhase.Stopped, it.Phase);

        _clock.Advance(TimeSpan.FromHours(1));

        await Until.TrueAsync(() => it.Phase == InstancePhase.Ready, "the drain is not undone when its order expires");
    }

    [Fact]
    public async Task OrderThatHasExpired_IsNeverRun()
    {
        await PlaceAsync("o", FleetOrderKind.Drain);
        _clock.Advance(TimeSpan.FromHours(1));

        var it = await StartAsync();

        Assert.Equal(FleetOrderOutcome.Expired, (await ResultAsync("o")).Outcome);
        Assert.Equal(InstancePhase.Ready, it.Phase);
    }

    [Fact]
    public async Task OrderForAnotherLifeOfTheContainer_IsNeverRun()
    {
        await PlaceAsync("o", FleetOrderKind.Drain, life: "life-0");

        var it = await StartAsync();

        Assert.Equal(FleetOrderOutcome.Refused, (await ResultAsync("o")).Outcome);
        Assert.Equal(InstancePhase.Ready, it.Phase);
    }

    [Fact]
    public async Task OrderForWhicheverLife_IsRun()
    {
        await PlaceAsync("o", FleetOrderKind.Flush, life: null);

        await StartAsync();

        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("o")).Outcome);
    }

    [Fact]
    public async Task OrderOfAnUnknownKind_IsRefused()
    {
        await PlaceAsync("o", FleetOrderKind.Unknown);

        await StartAsync();

        Assert.Equal(FleetOrderOutcome.Refused, (await ResultAsync("o")).Outcome);
    }

    [Fact]
    public async Task OfADrainAndALaterUndrain_BothOpen_OnlyTheLaterIsRun()
    {
        await PlaceAsync("drain", FleetOrderKind.Drain);
        await PlaceAsync("undrain", FleetOrderKind.Undrain);

        var it = await StartAsync();

        Assert.Equal((FleetOrderOutcome.Superseded, "order undrain took its place"), Told(await ResultAsync("drain")));
        Assert.Equal(FleetOrderOutcome.Refused, (await ResultAsync("undrain")).Outcome);
        Assert.Empty(it.Work.Drains);
    }

    [Fact]
    public async Task LaterOrderOfAnotherLife_SupersedesNothing()
    {
        await PlaceAsync("drain", FleetOrderKind.Drain);
        await PlaceAsync("undrain", FleetOrderKind.Undrain, life: "life-0");

        await StartAsync();

        Assert.Equal((FleetOrderOutcome.Done, "drained"), Told(await ResultAsync("drain")));
        Assert.Equal(FleetOrderOutcome.Refused, (await ResultAsync("undrain")).Outcome);
    }

    [Fact]
    public async Task Drain_WaitsForWhatRuns_IsAnsweredWithItsReceipt_AndTheProcessStaysAndRefuses()
    {
        var it = await StartAsync();
        var ticket = it.Accept();
        await PlaceAsync("o", FleetOrderKind.Drain);
        await it.Invocations.Finishing;
        Assert.Null(await OutcomeAsync("o"));

        ticket.TryEnd(Outcome.Completed);

        var result = await ResultAsync("o");
        Assert.Equal((FleetOrderOutcome.Done, "drained"), Told(result));
        Assert.Equal("pre-stop order 1", result.ReceiptJson);
        Assert.Equal((InstancePhase.Stopped, RefusalReason.Stopped), (it.Phase, it.TryAccept().Reason));
    }

    [Fact]
    public async Task DrainThatIsForced_HasFailed()
    {
        var it = await StartAsync();
        using var never = new Held(it.Accept());
        await PlaceAsync("o", FleetOrderKind.Drain);
        await it.Invocations.Finishing;

        it.Life.Force();

        var result = await ResultAsync("o");
        Assert.Equal((FleetOrderOutcome.Failed, "drained by force"), Told(result));
    }

    [Fact]
    public async Task DrainThatLosesNothing_ButCannotBePublished_IsDone_AndTellsSo()
    {
        var it = await StartAsync();
        it.Work[nameof(IInstanceWork.PublishAsync)] = Way.Fails;

        await PlaceAsync("o", FleetOrderKind.Drain);

        Assert.Equal((FleetOrderOutcome.Done, "drained; not done: publish"), Told(await ResultAsync("o")));
    }

    [Fact]
    public async Task UndrainWhileADrainRuns_UndoesIt()
    {
        var it = await StartAsync();
        using var running = new Held(it.Accept());
        await PlaceAsync("drain", FleetOrderKind.Drain);
        await it.Invocations.Finishing;

        await PlaceAsync("undrain", FleetOrderKind.Undrain);

        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("undrain")).Outcome);
        Assert.Equal((FleetOrderOutcome.Superseded, "undone by order undrain"), Told(await ResultAsync("drain")));
        Assert.Equal(InstancePhase.Ready, it.Phase);
    }

    [Fact]
    public async Task DrainUndoneOnTheInstance_IsToldSo()
    {
        var it = await StartAsync();
        using var running = new Held(it.Accept());
        await PlaceAsync("o", FleetOrderKind.Drain);
        await it.Invocations.Finishing;

        Assert.True(it.Life.Undrain("a person"));

        Assert.Equal((FleetOrderOutcome.Superseded, "undone on the instance itself"), Told(await ResultAsync("o")));
    }

    [Fact]
    public async Task DrainThatIsNotOverWhenItsOrderExpires_IsUndone()
    {
        var it = await StartAsync();
        using var running = new Held(it.Accept());
        await PlaceAsync("o", FleetOrderKind.Drain, expiry: TimeSpan.FromSeconds(20));
        await _clock.WhenArmedAsync(TimeSpan.FromSeconds(20));

        it.RunFor(TimeSpan.FromSeconds(20));

        Assert.Equal((FleetOrderOutcome.Expired, "not drained within its time, and undone"), Told(await ResultAsync("o")));
        Assert.Equal(InstancePhase.Ready, it.Phase);
    }

    [Fact]
    public async Task DrainedInstance_ServesAgain_WhenTheOrderExpires()
    {
        var it = await StartAsync();
        await PlaceAsync("o", FleetOrderKind.Drain);
        await ResultAsync("o");
        await _clock.WhenArmedAsync(TimeSpan.FromHours(1));

        _clock.Advance(TimeSpan.FromHours(1));

        await Until.TrueAsync(() => it.Phase == InstancePhase.Ready, "the drain was not undone");
        Assert.Equal(FleetOrderOutcome.Done, await OutcomeAsync("o"));
        Assert.True(it.TryAccept().Ticket.TryEnd(Outcome.Completed));
    }

    [Fact]
    public async Task LaterDrain_PutsTheEndOfAnEarlierOneOff()
    {
        var it = await StartAsync();
        await PlaceAsync("one", FleetOrderKind.Drain);
        await ResultAsync("one");
        await PlaceAsync("two", FleetOrderKind.Drain, expiry: TimeSpan.FromHours(3));
        Assert.Equal((FleetOrderOutcome.Done, "drained"), Told(await ResultAsync("two")));
        await _clock.WhenArmedAsync(TimeSpan.FromHours(3));

        _clock.Advance(TimeSpan.FromHours(2));
        Assert.Equal(InstancePhase.Stopped, it.Phase);

        _clock.Advance(TimeSpan.FromHours(1));
        await Until.TrueAsync(() => it.Phase == InstancePhase.Ready, "the drain was not undone");
    }

    [Fact]
    public async Task StopOfAHook_IsJoined_AndNotUndoneByTheOrdersExpiry()
    {
        var it = await StartAsync();
        await InstanceUnderTest.Soon(it.Life.StopAsync("hook"));
        await PlaceAsync("o", FleetOrderKind.Drain, expiry: TimeSpan.FromMinutes(1));
        Assert.Equal((FleetOrderOutcome.Done, "drained"), Told(await ResultAsync("o")));
        await _clock.WhenArmedAsync(TimeSpan.FromMinutes(1));

        _clock.Advance(TimeSpan.FromMinutes(1));
        await PlaceAsync("barrier", FleetOrderKind.Flush);
        await ResultAsync("barrier");

        Assert.Equal(InstancePhase.Stopped, it.Phase);
    }

    [Fact]
    public async Task DrainThatASignalHasJoined_IsNotUndoneByTheOrdersExpiry()
    {
        var it = await StartAsync();
        using var running = new Held(it.Accept());
        await PlaceAsync("o", FleetOrderKind.Drain, expiry: TimeSpan.FromSeconds(20));
        await it.Invocations.Finishing;
        await _clock.WhenArmedAsync(TimeSpan.FromSeconds(20));
        var stop = it.Life.StopAsync("signal");

        it.RunFor(TimeSpan.FromSeconds(20));

        Assert.Equal((FleetOrderOutcome.Expired, "not drained within its time"), Told(await ResultAsync("o")));
        Assert.Equal((InstancePhase.Draining, false), (it.Phase, stop.IsCompleted));
    }

    [Fact]
    public async Task OpenDrain_IsTakenUp_ByTheProcessThatComesAfter()
    {
        var first = await StartAsync();
        using var running = new Held(first.Accept());
        await PlaceAsync("o", FleetOrderKind.Drain);
        await first.Invocations.Finishing;
        await _runners[0].DisposeAsync();
        Assert.Null(await OutcomeAsync("o"));

        var second = await StartAsync();

        Assert.Equal((FleetOrderOutcome.Done, "drained"), Told(await ResultAsync("o")));
        Assert.Equal(InstancePhase.Stopped, second.Phase);
    }

    [Fact]
    public async Task Thaw_LetsADrainGoOn()
    {
        var it = await StartAsync();
        await PlaceAsync("o", FleetOrderKind.Drain);
        await ResultAsync("o");

        _clock.Advance(TimeSpan.FromMinutes(5));
        it.Life.Tick();
        await PlaceAsync("barrier", FleetOrderKind.Flush);
        await ResultAsync("barrier");

        Assert.Equal((2, InstancePhase.Stopped), (it.Epoch, it.Phase));
    }

    [Fact]
    public async Task FlushThatFails_IsAnsweredWithWhy()
    {
        _flush = _ => throw new InvalidOperationException("no room");
        await StartAsync();
        await PlaceAsync("o", FleetOrderKind.Flush);

        Assert.Equal((FleetOrderOutcome.Failed, "no room"), Told(await ResultAsync("o")));
    }

    [Fact]
    public async Task FlushThatHangs_HoldsTheNextOrderUpForABoundedTime()
    {
        _flush = _ => new TaskCompletionSource().Task;
        var it = await StartAsync();
        await PlaceAsync("flush", FleetOrderKind.Flush);
        await _clock.WhenArmedAsync(OrderRunner.FlushTime);
        await PlaceAsync("drain", FleetOrderKind.Drain);

        _clock.Advance(OrderRunner.FlushTime);

        Assert.Equal((FleetOrderOutcome.Failed, "not flushed within 10 s"), Told(await ResultAsync("flush")));
        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("drain")).Outcome);
        Assert.Equal(InstancePhase.Stopped, it.Phase);
    }

    [Fact]
    public async Task ResultThatDoesNotArrive_IsSentAgain_AndTheOrderIsNotRunAgain()
    {
        _orders.LosesResults = true;
        await StartAsync();
        await PlaceAsync("o", FleetOrderKind.Flush);
        await _clock.WhenArmedAsync(LookLoop.RetryPause);
        Assert.Null(await OutcomeAsync("o"));

        _orders.LosesResults = false;
        _clock.Advance(LookLoop.RetryPause);

        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("o")).Outcome);
        Assert.Single(_flushes);
    }

    [Fact]
    public async Task DirectoryThatIsAwayAtTheStart_IsAskedAgain()
    {
        _orders.Away = true;
        await PlaceAsync("o", FleetOrderKind.Flush);
        await StartAsync();
        await _clock.WhenArmedAsync(LookLoop.RetryPause);

        _orders.Away = false;
        _clock.Advance(LookLoop.RetryPause);

        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("o")).Outcome);
    }

    [Fact]
    public async Task DirectoryThatBreaksInAnotherWay_IsAskedAgain_AndToldOnceInTheRecorder()
    {
        _orders.Error = new InvalidOperationException("broken");
        _orders.Away = true;
        await PlaceAsync("o", FleetOrderKind.Flush);
        var it = await StartAsync();
        await _clock.WhenArmedAsync(LookLoop.RetryPause);
        var asked = _orders.Asked;
        _clock.Advance(LookLoop.RetryPause);
        await Until.TrueAsync(() => _orders.Asked > asked, "it was not asked again");
        await _clock.WhenArmedAsync(LookLoop.RetryPause);

        _orders.Away = false;
        _clock.Advance(LookLoop.RetryPause);

        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("o")).Outcome);
        Assert.Single(it.Recorder.After(0), e => e is { Kind: "fault", Detail: "orders: broken" });
    }

    [Fact]
    public async Task DrainHeldWhileTheDirectoryIsAway_IsUndoneAtItsExpiry()
    {
        var it = await StartAsync();
        await PlaceAsync("o", FleetOrderKind.Drain, expiry: TimeSpan.FromMinutes(1));
        await ResultAsync("o");
        await _clock.WhenArmedAsync(TimeSpan.FromMinutes(1));
        _orders.Away = true;

        _clock.Advance(TimeSpan.FromMinutes(1));

        await Until.TrueAsync(() => it.Phase == InstancePhase.Ready, "the drain was not undone");
    }

    [Fact]
    public async Task OrderBroughtWhileTheDirectoryIsAway_IsCarriedOut_AndOnceOnly_WhenItStandsThereAsWell()
    {
        _orders.Away = true;
        await StartAsync();
        var order = Order("o", FleetOrderKind.Flush);
        await Runner.TakeAsync(order);
        await Runner.TakeAsync(order);
        Assert.Single(_flushes);

        await _directory.PlaceAsync(order, default);
        _orders.Away = false;
        Runner.Look();

        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("o")).Outcome);
        Assert.Single(_flushes);
    }

    [Fact]
    public async Task OrderBroughtWhileTheDirectoryIsAway_StandsThereWithItsResult_OnceItIsBack()
    {
        _orders.Away = true;
        await StartAsync();
        await Runner.TakeAsync(Order("o", FleetOrderKind.Flush) with { ContainerLife = null });
        Assert.Empty(await _directory.ListAsync("i-1", default));

        _orders.Away = false;
        Runner.Look();

        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("o")).Outcome);
        Assert.Equal(Life, Assert.Single(await _directory.ListAsync("i-1", default)).Order.ContainerLife);
        Assert.Single(_flushes);
    }

    [Fact]
    public async Task OrderBroughtPastTheDirectory_StandsThereToo()
    {
        await StartAsync();
        await Runner.TakeAsync(Order("o", FleetOrderKind.Flush));
        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("o")).Outcome);
        Assert.Single(_flushes);
    }

    [Fact]
    public async Task DrainBroughtWhileTheDirectoryIsAway_StandsThereOpen_AndYieldsToWhatWasPlacedMeanwhile()
    {
        _orders.Away = true;
        var it = await StartAsync(new DeafNotices());
        var running = it.Accept();
        await Runner.TakeAsync(Order("drain", FleetOrderKind.Drain));
        _orders.Away = false;
        Runner.Look();
        await Until.TrueAsync(async () => await _directory.ListAsync("i-1", default) is [{ Result: null }], "the drain does not stand in the directory");

        _orders.Away = true;
        await Runner.TakeAsync(Order("again", FleetOrderKind.Drain));
        await PlaceAsync("undrain", FleetOrderKind.Undrain);
        _orders.Away = false;
        Runner.Look();

        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("undrain")).Outcome);
        Assert.Equal(FleetOrderOutcome.Superseded, (await ResultAsync("again")).Outcome);
        Assert.Equal(InstancePhase.Ready, it.Phase);
        running.TryEnd(Outcome.Completed);
    }

    [Fact]
    public async Task OrderThatCameByTheDirectory_IsNotCarriedOutAgain_WhenItIsBrought()
    {
        await StartAsync();
        await PlaceAsync("o", FleetOrderKind.Flush);
        await ResultAsync("o");

        await Runner.TakeAsync(Order("o", FleetOrderKind.Flush));

        Assert.Single(_flushes);
    }

    [Fact]
    public async Task OrderWithAResultOfAnEarlierProcess_IsNotCarriedOutAgain_WhenItIsBrought()
    {
        await PlaceAsync("o", FleetOrderKind.Flush);
        await _directory.CompleteAsync(new FleetOrderResult("o", "i-1", "b-0", 1, _clock.GetUtcNow(), FleetOrderOutcome.Done, "flushed", null), default);
        await StartAsync();

        await Runner.TakeAsync(Order("o", FleetOrderKind.Flush));

        Assert.Empty(_flushes);
    }

    [Fact]
    public async Task DrainBrought_IsAnsweredWhenItHasBegun_AndUndoneAtItsExpiry()
    {
        _orders.Away = true;
        var it = await StartAsync();
        await Runner.TakeAsync(Order("o", FleetOrderKind.Drain, TimeSpan.FromMinutes(1)));
        Assert.NotNull(it.Life.Stopping);
        await Until.TrueAsync(() => it.Phase == InstancePhase.Stopped, "it does not drain");

        _clock.Advance(TimeSpan.FromMinutes(1));

        await Until.TrueAsync(() => it.Phase == InstancePhase.Ready, "the drain was not undone");
    }

    [Fact]
    public async Task DrainThatStandsInTheDirectory_IsNotTakenUp_AfterAnUndrainThatWasBrought()
    {
        var it = await StartAsync(new DeafNotices());
        await PlaceAsync("before", FleetOrderKind.Drain);
        Runner.Look();
        await ResultAsync("before");
        _orders.Away = true;
        await PlaceAsync("drain", FleetOrderKind.Drain);
        await PlaceAsync("undrain", FleetOrderKind.Undrain);
        await Runner.TakeAsync(Order("undrain", FleetOrderKind.Undrain));
        Assert.Equal(InstancePhase.Ready, it.Phase);

        _orders.Away = false;
        Runner.Look();

        Assert.Equal((FleetOrderOutcome.Superseded, "order undrain took its place"), Told(await ResultAsync("drain")));
        Assert.Equal(InstancePhase.Ready, it.Phase);
    }

    [Theory]
    [InlineData("life-0", 1)]
    [InlineData(Life, 0)]
    public async Task OrderBrought_IsFencedAsOthersAre(string life, int minutes)
    {
        _orders.Away = true;
        await StartAsync();
        await Runner.TakeAsync(Order("o", FleetOrderKind.Flush, TimeSpan.FromMinutes(minutes)) with { ContainerLife = life });
        Assert.Empty(_flushes);
    }

    [Fact]
    public async Task OrderBroughtToARunnerThatHasEnded_IsRefusedToItsGiver()
    {
        await StartAsync();
        await Runner.DisposeAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => Runner.TakeAsync(Order("o", FleetOrderKind.Flush)));
        Assert.Empty(_flushes);
    }

    [Fact]
    public async Task ProcessThatIsFencedOff_TakesNoOrders()
    {
        await StartAsync();
        _fencedOff = true;
        await PlaceAsync("o", FleetOrderKind.Flush);
        await Assert.ThrowsAsync<InvalidOperationException>(() => Runner.TakeAsync(Order("brought", FleetOrderKind.Flush)));

        Assert.Empty(_flushes);
        Assert.Null(Assert.Single(await _directory.ListAsync("i-1", default)).Result);
    }

    private OrderRunner Runner => (OrderRunner)_runners[^1];

    private FleetOrder Order(string id, FleetOrderKind kind, TimeSpan? expiry = null) =>
        new(id, "i-1", Life, kind, "tests", _clock.GetUtcNow(), _clock.GetUtcNow() + (expiry ?? TimeSpan.FromHours(1)));

    private static (FleetOrderOutcome Outcome, string Detail) Told(FleetOrderResult result) => (result.Outcome, result.Detail);

    private async Task<InstanceUnderTest> StartAsync(IFleetNotices? notices = null)
    {
        var instance = new InstanceUnderTest(clock: _clock);
        _instances.Add(instance);
        Assert.Null(await instance.InitializeAsync());
        var means = new OrderMeans(
            token =>
            {
                _flushes.Enqueue("flush");
                return _flush(token);
            },
            static receipt => $"{receipt.Hook} {receipt.Cause} {receipt.Completed}",
            () => Interlocked.Increment(ref _changes),
            () => _fencedOff);
        var runner = new OrderRunner(_orders, notices ?? _directory, instance.Life, Life, means, _clock);
        _runners.Add(runner);
        runner.Start();
        runner.Start();
        return instance;
    }

    private Task<FleetOrderState> PlaceAsync(string id, FleetOrderKind kind, string? life = Life, TimeSpan? expiry = null)
    {
        var now = _clock.GetUtcNow();
        return _directory.PlaceAsync(new FleetOrder(id, "i-1", life, kind, "tests", now, now + (expiry ?? TimeSpan.FromHours(1))), default);
    }

    private async Task<FleetOrderOutcome?> OutcomeAsync(string id) =>
        (await _directory.ListAsync("i-1", default)).Single(state => state.Order.Id == id).Result?.Outcome;

    private async Task<FleetOrderResult> ResultAsync(string id)
    {
        FleetOrderResult? result = null;
        await Until.TrueAsync(
            async () => (result = (await _directory.ListAsync("i-1", default)).SingleOrDefault(state => state.Order.Id == id)?.Result) is not null,
            $"order {id} has no result");
        return result!;
    }

    /// <summary>An invocation that goes on until the test is over.</summary>
    private sealed class Held(Ticket ticket) : IDisposable
    {
        public void Dispose() => ticket.TryEnd(Outcome.Completed);
    }

    /// <summary>Tells nobody anything.</summary>
    private sealed class DeafNotices : IFleetNotices
    {
        public IDisposable Listen(string? instanceId, Action<FleetNotice> handler) => new MemoryStream();
    }
}
