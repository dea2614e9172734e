using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using static NoslateFleet.Tests.Coordination.Lifecycle.InstanceUnderTest;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

public sealed class ThawTests
{
    private const string Check = nameof(IInstanceWork.CheckDataPlaneAsync);
    private const string Thawed = nameof(IInstanceWork.Thawed);

    [Theory]
    [InlineData(3600, 0, 3600)]
    [InlineData(0, 3600, 3600)]
    [InlineData(3600, -3600, 3600)]
    [InlineData(10, 20, 30)]
    [InlineData(0, -3600, 0)]
    public async Task Hole_BeginsANewLife_AndItsFirstRequestIsServed(int monotonic, int wall, int gap)
    {
        using var it = await ReadyAsync();
        it.Clock.Advance(TimeSpan.FromSeconds(monotonic));
        it.Clock.JumpWallClock(TimeSpan.FromSeconds(wall));
        var request = await it.RequestAsync();
        Assert.True(request.Accepted);
        Assert.Equal(2, request.Ticket.Epoch);
        Assert.Equal((2, InstancePhase.Ready), (it.Epoch, it.Phase));
        Assert.Equal(1, it.Work.Count(Check));
        await it.Work.WhenCalledAsync(Thawed);
        Assert.Equal(gap, Assert.Single(it.Work.Gaps).TotalSeconds, 0.00001);
        Assert.Single(it.Recorder.After(0), e => e is { Kind: "thaw", Epoch: 2 });
        Assert.True(it.Life.TryPass());
    }

    [Fact]
    public async Task HoleOfExactlyTheThreshold_IsNone_OneTickMore_IsOne()
    {
        using var it = await ReadyAsync(b => b.ThawThreshold = TimeSpan.FromSeconds(2));
        it.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.True(it.Life.TryPass());
        Assert.Equal(1, it.Epoch);
        it.Clock.Advance(TimeSpan.FromSeconds(2) + TimeSpan.FromTicks(1));
        it.Life.Tick();
        Assert.Equal(2, it.Epoch);
    }

    [Fact]
    public void SlowStartOfTheProcess_IsNoThaw_AndBookedAsStarting()
    {
        var clock = new ManualTimeProvider();
        using var work = new FakeWork();
        var ledger = new InvocationLedger(clock);
        var recorder = new FlightRecorder(FlightRecorder.DefaultCapacity, clock);
        using var life = new InstanceLifecycle(
            new InstanceIdentity("i-1", "b-1"),
            work,
            new TestInvocations(ledger, new AdmissionController(ledger, new AdmissionOptions(), clock)),
            new LifecycleBudgets(),
            recorder,
            clock);
        clock.Advance(TimeSpan.FromSeconds(8));
        life.Tick();
        Assert.Equal(1, life.State.Epoch);
        Assert.DoesNotContain(recorder.After(0), e => e.Kind == "thaw");
        var account = life.Accounting.Read();
        Assert.Equal((8, 0, 0), (account.StartingSeconds, account.FrozenSeconds, account.Thaws));

        clock.Advance(TimeSpan.FromSeconds(60));
        life.Tick();
        Assert.Equal((2, 60, 1), (life.State.Epoch, life.Accounting.Read().FrozenSeconds, life.Accounting.Read().Thaws));
    }

    [Fact]
    public async Task InvocationThatEndsBeforeAnybodyLooked_IsNotBookedTheFreezeToo()
    {
        using var it = await ReadyAsync();
        it.RunFor(TimeSpan.FromSeconds(1));
        var ticket = it.Accept();
        it.RunFor(TimeSpan.FromSeconds(2));
        it.Clock.Advance(TimeSpan.FromSeconds(60));
        Assert.True(ticket.TryEnd(Outcome.Completed));
        it.RunFor(TimeSpan.FromSeconds(4));
        var account = it.Life.Accounting.Read();
        Assert.Equal((2, 5, 60, 1), (account.ActiveSeconds, account.WarmIdleSeconds, account.FrozenSeconds, account.Thaws));
        Assert.Equal(2, it.Epoch);
    }

    [Fact]
    public async Task InitialisationThatEndsBeforeAnybodyLooked_IsNotBookedTheFreezeToo()
    {
        using var it = new InstanceUnderTest();
        it.Work[nameof(IInstanceWork.PrepareAsync)] = Way.Held;
        var run = it.Life.InitializeAsync(TimeSpan.FromMinutes(5), byHook: true, CancellationToken.None);
        await it.Work.WhenCalledAsync(nameof(IInstanceWork.PrepareAsync));
        it.RunFor(TimeSpan.FromSeconds(2));
        it.Clock.Advance(TimeSpan.FromSeconds(60));
        it.Work.Release(nameof(IInstanceWork.PrepareAsync));
        Assert.Null(await Soon(run));
        it.RunFor(TimeSpan.FromSeconds(4));
        var account = it.Life.Accounting.Read();
        Assert.Equal((2, 4, 60, 1), (account.StartingSeconds, account.WarmIdleSeconds, account.FrozenSeconds, account.Thaws));
    }

    [Fact]
    public async Task WhileItsTickComes_NoAlarm()
    {
        using var it = await ReadyAsync();
        it.RunFor(TimeSpan.FromHours(1));
        Assert.Equal((1, 0), (it.Epoch, it.Work.Count(Check)));
        Assert.True(it.Life.TryPass());
    }

    [Fact]
    public async Task RequestsWithoutATick_AreTickEnough()
    {
        using var it = await ReadyAsync();
        for (var i = 0; i < 1000; i++)
        {
            it.Clock.Advance(TimeSpan.FromMilliseconds(900));
            (await it.RequestAsync()).Ticket.TryEnd(Outcome.Completed);
        }

        Assert.Equal(1, it.Epoch);
    }

    [Fact]
    public async Task FoundByTheTick_TheNextRequestNeedNotWait()
    {
        using var it = await ReadyAsync();
        it.Clock.Advance(TimeSpan.FromHours(1));
        it.Life.Tick();
        await Until.TrueAsync(it.Life.TryPass, "the check never ended");
        Assert.Equal((2, 1), (it.Epoch, it.Work.Count(Check)));
    }

    [Fact]
    public async Task Request_WaitsForTheCheck()
    {
        using var it = await ReadyAsync();
        it.Work[Check] = Way.Held;
        it.Clock.Advance(TimeSpan.FromHours(1));
        var request = it.RequestAsync();
        var other = it.RequestAsync();
        await it.Work.WhenCalledAsync(Check);
        Assert.False(request.IsCompleted);
        Assert.False(other.IsCompleted);
        it.Work.Release(Check);
        Assert.True((await Soon(request)).Accepted);
        Assert.True((await Soon(other)).Accepted);
        Assert.Equal((2, 1), (it.Epoch, it.Work.Count(Check)));
    }

    [Theory]
    [InlineData(Way.Hangs)]
    [InlineData(Way.Blocks)]
    [InlineData(Way.Heeds)]
    [InlineData(Way.ThrowsAtCancel)]
    public async Task Request_WaitsNoLongerThanTheCheckMayTake(Way way)
    {
        using var it = await ReadyAsync();
        it.Work[Check] = way;
        it.Clock.Advance(TimeSpan.FromHours(1));
        var request = it.RequestAsync();
        await it.Work.WhenCalledAsync(Check);
        it.RunFor(TimeSpan.FromSeconds(1) - TimeSpan.FromMilliseconds(1));
        Assert.False(request.IsCompleted);
        it.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.True((await Soon(request)).Accepted);
        Assert.True(it.Life.TryPass());
    }

    [Theory]
    [InlineData(Way.Throws)]
    [InlineData(Way.Fails)]
    public async Task CheckThatBreaks_LetsTheRequestOn(Way way)
    {
        using var it = await ReadyAsync();
        it.Work[Check] = way;
        it.Clock.Advance(TimeSpan.FromHours(1));
        Assert.True((await it.RequestAsync()).Accepted);
        Assert.True(it.Life.TryPass());
    }

    [Fact]
    public async Task CheckOfNoTime_HoldsNobodyUp()
    {
        using var it = await ReadyAsync(b => b.ThawCheck = TimeSpan.Zero);
        it.Work[Check] = Way.Hangs;
        it.Clock.Advance(TimeSpan.FromHours(1));
        Assert.True((await it.RequestAsync()).Accepted);
    }

    [Theory]
    [InlineData(Way.Throws)]
    [InlineData(Way.Blocks)]
    public async Task NewsOfTheThaw_ThatBreakOrBlock_HoldNobodyUp(Way way)
    {
        using var it = await ReadyAsync();
        it.Work[Thawed] = way;
        it.Clock.Advance(TimeSpan.FromHours(1));
        Assert.True((await it.RequestAsync()).Accepted);
        await it.Work.WhenCalledAsync(Thawed);
    }

    [Fact]
    public async Task ClientWhoLeaves_EndsItsWait_AndNotTheCheck()
    {
        using var it = await ReadyAsync();
        using var gone = new CancellationTokenSource();
        it.Work[Check] = Way.Held;
        it.Clock.Advance(TimeSpan.FromHours(1));
        Assert.False(it.Life.TryPass());
        var first = it.Life.PassAsync(gone.Token).AsTask();
        var second = it.Life.PassAsync(CancellationToken.None).AsTask();
        await it.Work.WhenCalledAsync(Check);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Soon(first));
        it.Work.Release(Check);
        await Soon(second);
        Assert.Equal(1, it.Work.Count(Check));
    }

    [Fact]
    public async Task TwoInARow_TheFirstChecksEnd_DoesNotEndTheSecond()
    {
        using var it = await ReadyAsync();
        it.Work[Check] = Way.Held;
        it.Clock.Advance(TimeSpan.FromHours(1));
        var early = it.RequestAsync();
        await it.Work.WhenCalledAsync(Check);
        it.Work[Check] = Way.Hangs;
        it.Clock.JumpWallClock(TimeSpan.FromHours(1));
        it.Life.Tick();
        Assert.Equal(3, it.Epoch);
        await it.Work.WhenCalledAsync(Check, 2);
        var late = it.RequestAsync();
        it.Work.Release(Check);

        // Only the second check's time is armed once the first has ended.
        await Until.TrueAsync(() => it.Clock.ArmedTimers == 1, "the first check never ended");
        Assert.False(it.Life.TryPass());
        Assert.False(early.IsCompleted);
        Assert.False(late.IsCompleted);
        it.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal((3, 3), ((await Soon(early)).Ticket.Epoch, (await Soon(late)).Ticket.Epoch));
        Assert.True(it.Life.TryPass());
    }

    [Fact]
    public async Task FrozenByTheHook_AndARequestWithoutAHole_IsAThaw()
    {
        using var it = await FrozenAsync();
        it.Work[Check] = Way.Held;
        var request = it.RequestAsync();
        await it.Work.WhenCalledAsync(Check);
        Assert.False(request.IsCompleted);
        it.Work.Release(Check);
        Assert.True((await Soon(request)).Accepted);
        Assert.Equal((2, InstancePhase.Ready), (it.Epoch, it.Phase));
        Assert.Equal(1, it.Life.Accounting.Read().Thaws);
    }

    [Fact]
    public async Task FrozenByTheHook_AndTicksWithoutAHole_StaysFrozen()
    {
        using var it = await FrozenAsync();
        it.RunFor(TimeSpan.FromSeconds(10));
        Assert.Equal((1, InstancePhase.Frozen), (it.Epoch, it.Phase));
    }

    [Fact]
    public async Task FrozenByTheHook_AndThenAHole_IsOneThaw()
    {
        using var it = await FrozenAsync();
        it.Clock.Advance(TimeSpan.FromHours(1));
        Assert.True((await it.RequestAsync()).Accepted);
        Assert.Equal((2, InstancePhase.Ready, 1), (it.Epoch, it.Phase, it.Work.Count(Check)));
    }

    [Fact]
    public async Task WhileStartingOrLeaving_TheEpochGrows_AndThePhaseStays()
    {
        using var it = new InstanceUnderTest();
        it.Clock.Advance(TimeSpan.FromHours(1));
        it.Life.Tick();
        Assert.Equal((2, InstancePhase.Starting), (it.Epoch, it.Phase));
        await Soon(it.Life.StopAsync("signal"));
        it.Clock.Advance(TimeSpan.FromHours(1));
        it.Life.Tick();
        Assert.Equal((3, InstancePhase.Stopped), (it.Epoch, it.Phase));
    }

    [Fact]
    public async Task TicketsOfOlderEpochs_SettleInTheirs()
    {
        using var it = await ReadyAsync();
        var old = it.Accept();
        it.Clock.Advance(TimeSpan.FromHours(1));
        var young = await it.RequestAsync();
        Assert.Equal((1L, 2L), (old.Epoch, young.Ticket.Epoch));
        Assert.Equal(new LedgerSnapshot(2, 0, 0, 0, 0, 2, InFlightOfOlderEpochs: 1), it.Ledger.Snapshot());
        Assert.True(old.TryEnd(Outcome.Failed));
        Assert.True(young.Ticket.TryEnd(Outcome.Completed));
        Assert.Equal(new LedgerSnapshot(2, 1, 1, 0, 0, 0), it.Ledger.Snapshot());
    }

    [Fact]
    public async Task ManyRequestsAtOnce_OneThaw_AndNoneIsAdmittedIntoTheOldLife()
    {
        const int Threads = 4;
        using var it = await ReadyAsync();
        for (var round = 2; round < 200; round++)
        {
            it.Clock.Advance(TimeSpan.FromHours(1));
            using var together = new Barrier(Threads);
            var tickets = await Soon(Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Run(() =>
            {
                together.SignalAndWait();
                return it.RequestAsync();
            }))));
            Assert.All(tickets, request => Assert.Equal(round, request.Ticket.Epoch));
            Assert.All(tickets, request => Assert.True(request.Ticket.TryEnd(Outcome.Completed)));
            Assert.Equal((round, round - 1), ((int)it.Epoch, it.Work.Count(Check)));
        }
    }

    [Fact]
    public async Task Account_TellsWhereTheTimeWent()
    {
        using var it = new InstanceUnderTest();
        it.RunFor(TimeSpan.FromSeconds(1));
        await it.InitializeAsync();
        it.RunFor(TimeSpan.FromSeconds(2));
        var ticket = it.Accept();
        it.RunFor(TimeSpan.FromSeconds(4));
        ticket.TryEnd(Outcome.Completed);
        it.RunFor(TimeSpan.FromSeconds(8));
        it.Clock.Advance(TimeSpan.FromHours(1));
        var request = await it.RequestAsync();
        it.RunFor(TimeSpan.FromSeconds(0.2));
        request.Ticket.TryEnd(Outcome.Completed);
        it.Life.Answered(request.Ticket.Epoch);
        it.Clock.JumpWallClock(TimeSpan.FromHours(2));
        it.Life.Tick();
        it.Clock.JumpWallClock(TimeSpan.FromHours(-5));
        it.Life.Tick();
        await Soon(it.Life.StopAsync("signal"));
        it.RunFor(TimeSpan.FromSeconds(16));
        var account = it.Life.Accounting.Read();
        Assert.Equal(1, account.StartingSeconds, 0.001);
        Assert.Equal(4.2, account.ActiveSeconds, 0.001);
        Assert.Equal(10, account.WarmIdleSeconds, 0.001);
        Assert.Equal(3 * 3600, account.FrozenSeconds, 0.001);
        Assert.Equal(16, account.DrainingSeconds, 0.001);
        Assert.Equal(3, account.Thaws);
        Assert.Equal(0.2, account.ThawToFirstAnswerSumSeconds, 0.001);
        Assert.Equal(1, account.ThawToFirstAnswer.Sum());
    }

    [Fact]
    public async Task FirstAnswer_IsOfARequestThatCameAfterTheThaw()
    {
        using var it = await ReadyAsync();
        var before = it.Accept();
        it.Clock.Advance(TimeSpan.FromHours(1));
        before.TryEnd(Outcome.Completed);
        it.Life.Tick();
        it.Life.Answered(before.Epoch);
        Assert.Equal(0, it.Life.Accounting.Read().ThawToFirstAnswer.Sum());
        var after = await it.RequestAsync();
        it.RunFor(TimeSpan.FromSeconds(0.2));
        after.Ticket.TryEnd(Outcome.Completed);
        it.Life.Answered(after.Ticket.Epoch);
        var account = it.Life.Accounting.Read();
        Assert.Equal(1, account.ThawToFirstAnswer.Sum());
        Assert.Equal(0.2, account.ThawToFirstAnswerSumSeconds, 0.001);
    }

    [Fact]
    public async Task Look_AllocatesNothing()
    {
        using var it = await ReadyAsync();
        it.Life.TryPass();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            it.Life.TryPass();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
