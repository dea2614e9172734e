using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using static NoslateFleet.Tests.Coordination.Lifecycle.InstanceUnderTest;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

public sealed class StopTests
{
    private const string Flush = nameof(IInstanceWork.FlushAsync);
    private const string Publish = nameof(IInstanceWork.PublishAsync);
    private const string Workers = nameof(IInstanceWork.WorkersIdleAsync);
    private const string Prepare = nameof(IInstanceWork.PrepareAsync);
    private const string Begins = nameof(IInstanceWork.DrainBegins);
    private const string Over = nameof(IInstanceWork.DrainOver);

    private static readonly TimeSpan _lameDuck = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task Idle_IsClean_AndTakesNoTimeOfTheClock()
    {
        using var it = await ReadyAsync();
        var receipt = await Soon(it.Life.StopAsync("hook"));
        Assert.Equal(("pre-stop", "hook"), (receipt.Hook, receipt.Cause));
        Assert.Equal((InstancePhase.Stopped, Verdict.Clean), (receipt.Phase, receipt.Verdict));
        Assert.Equal(["finish done", "workers done", "flush done", "publish done"], Steps(receipt));
        Assert.Equal(0, receipt.Ms);
        Assert.False(receipt.CalledOff);
        Assert.Equal(InstancePhase.Stopped, it.Phase);
        Assert.Same(receipt, it.Life.LastReceipt);
        Assert.Equal(new DrainBeginning("hook", StopTime), Assert.Single(it.Work.Drains));
        LawHolds(receipt);
    }

    [Fact]
    public async Task Work_ComesInItsOrder()
    {
        using var it = await ReadyAsync();
        var beginning = (InstancePhase?)null;
        it.Work.OnNote = note => beginning ??= it.Phase;
        await Soon(it.Life.StopAsync("hook"));
        Assert.Equal(InstancePhase.Ready, beginning);
        Assert.Equal([Prepare, Begins, Workers, Flush], it.Work.Calls.Take(4));
        Assert.Equal([Over, Publish], it.Work.Calls.Skip(4).Order());
    }

    [Fact]
    public async Task WhatIsPublished_SaysStopped()
    {
        using var it = await ReadyAsync();
        it.Work[Publish] = Way.Held;
        var run = it.Life.StopAsync("hook");
        await it.Work.WhenCalledAsync(Publish);
        Assert.Equal(InstancePhase.Stopped, it.Phase);
        Assert.Equal(RefusalReason.Stopped, it.TryAccept().Reason);
        it.Work.Release(Publish);
        await Soon(run);
    }

    [Fact]
    public async Task Stopped_LeavesNoTimer()
    {
        using var it = await ReadyAsync();
        await Soon(it.Life.StopAsync("hook"));
        Assert.Equal(0, it.Clock.ArmedTimers);
    }

    [Fact]
    public async Task LongRequest_SurvivesWithinTheBudget()
    {
        using var it = await ReadyAsync();
        var ticket = it.Accept();
        var run = it.Life.StopAsync("hook");
        await it.Invocations.Finishing;
        it.RunFor(TimeSpan.FromSeconds(58));
        Assert.False(run.IsCompleted);
        Assert.Equal(InstancePhase.Draining, it.Phase);
        Assert.True(ticket.TryEnd(Outcome.Completed));
        var receipt = await Soon(run);
        Assert.Equal((Verdict.Clean, 1, 1, 0), (receipt.Verdict, receipt.Accepted, receipt.Completed, receipt.Abandoned));
        Assert.Equal(58_000, receipt.Ms, 1.0);
    }

    [Fact]
    public async Task BudgetOver_WhatIsLeftIsAbandoned_AndTheVerdictForced()
    {
        using var it = await ReadyAsync();
        it.Work[Workers] = Way.Heeds;
        it.Accept().TryEnd(Outcome.Failed);
        var ticket = it.Accept();
        it.Accept();
        var run = it.Life.StopAsync("hook");
        await it.Invocations.Finishing;
        it.RunFor(TimeSpan.FromSeconds(58.5));
        var receipt = await Soon(run);
        Assert.False(ticket.TryEnd(Outcome.Completed));
        Assert.Equal(["finish budget over", "workers budget over", "abandon 2", "flush done", "publish done"], Steps(receipt));
        Assert.Equal((Verdict.Forced, InstancePhase.Stopped), (receipt.Verdict, receipt.Phase));
        Assert.Equal((3, 1, 2, 0), (receipt.Accepted, receipt.Failed, receipt.Abandoned, receipt.InFlight));
        LawHolds(receipt);
    }

    [Fact]
    public async Task Refuses_WhatComesWhileItFinishes_AsDraining()
    {
        using var it = await ReadyAsync();
        var ticket = it.Accept();
        var run = it.Life.StopAsync("hook");
        await it.Invocations.Finishing;
        Assert.True(it.Life.IsRefusing);
        Assert.True(it.Life.IsLeaving);
        Assert.False(it.Life.TryPass());
        Assert.Equal(RefusalReason.Draining, (await it.RequestAsync()).Reason);
        ticket.TryEnd(Outcome.Completed);
        Assert.Equal(1, (await Soon(run)).Accepted);
        Assert.Equal(RefusalReason.Stopped, (await it.RequestAsync()).Reason);
        Assert.True(it.Life.IsRefusing);
    }

    [Fact]
    public async Task LameDuck_StillServes_AndRefusesAfterIt()
    {
        using var it = await ReadyAsync(b => b.LameDuck = _lameDuck);
        var run = it.Life.StopAsync("hook");
        await it.WhenNextTimerAsync(_lameDuck);
        Assert.Equal(InstancePhase.Draining, it.Phase);
        Assert.True(it.Life.IsLeaving);
        it.RunFor(_lameDuck - TimeSpan.FromMilliseconds(1));
        Assert.False(it.Life.IsRefusing);
        var late = await it.RequestAsync();
        Assert.True(late.Accepted);
        it.RunFor(TimeSpan.FromMilliseconds(1));
        await it.Invocations.Finishing;
        Assert.True(it.Life.IsRefusing);
        Assert.Equal(RefusalReason.Draining, (await it.RequestAsync()).Reason);
        late.Ticket.TryEnd(Outcome.Completed);
        var receipt = await Soon(run);
        Assert.Equal(["lame-duck done", "finish done", "workers done", "flush done", "publish done"], Steps(receipt));
        Assert.Equal((Verdict.Clean, 1), (receipt.Verdict, receipt.Completed));
        Assert.Equal(5000, receipt.Steps[0].Ms, 1.0);
    }

    [Fact]
    public async Task LameDuck_IsPartOfTheBudget()
    {
        using var it = await ReadyAsync(b => b.LameDuck = _lameDuck);
        it.Accept();
        var run = it.Life.StopAsync("hook");
        await it.WhenNextTimerAsync(_lameDuck);
        it.RunFor(_lameDuck);
        await it.Invocations.Finishing;
        it.RunFor(TimeSpan.FromSeconds(58.5) - _lameDuck);
        Assert.Equal((1, 58_500.0), ((await Soon(run)).Abandoned, Math.Round(it.Life.LastReceipt!.Ms)));
    }

    [Fact]
    public async Task DuringThePlatformsInitialize_WaitsItsTurn()
    {
        using var it = new InstanceUnderTest(b => b.LameDuck = TimeSpan.FromSeconds(2));
        it.Work[Prepare] = Way.Held;
        var initialize = it.InitializeAsync(byHook: true);
        await it.Work.WhenCalledAsync(Prepare);
        var stop = it.Life.StopAsync("hook");
        await it.WhenNextTimerAsync(TimeSpan.FromSeconds(58.5));
        Assert.Equal(InstancePhase.Starting, it.Phase);
        it.RunFor(TimeSpan.FromSeconds(3));
        Assert.Equal(InstancePhase.Starting, it.Phase);
        it.Work.Release(Prepare);
        Assert.Null(await initialize);
        await it.WhenNextTimerAsync(TimeSpan.FromSeconds(2));
        it.RunFor(TimeSpan.FromSeconds(2));
        var receipt = await Soon(stop);
        Assert.Equal(
            ["initialize done", "lame-duck done", "finish done", "workers done", "flush done", "publish done"], Steps(receipt));
        Assert.Equal(Verdict.Clean, receipt.Verdict);
    }

    [Fact]
    public async Task DuringThePlatformsInitialize_WaitsNoLongerThanItsBudget()
    {
        using var it = new InstanceUnderTest(b => b.Initialize = TimeSpan.FromSeconds(300));
        it.Work[Prepare] = Way.Held;
        var initialize = it.InitializeAsync(byHook: true);
        await it.Work.WhenCalledAsync(Prepare);
        var stop = it.Life.StopAsync("hook");
        await it.WhenNextTimerAsync(TimeSpan.FromSeconds(58.5));
        it.RunFor(TimeSpan.FromSeconds(58.5));
        var receipt = await Soon(stop);
        Assert.Equal(StepTime.BudgetOver, receipt.Steps.Single(s => s.Step == "initialize").Outcome);
        Assert.Equal((InstancePhase.Stopped, Verdict.Forced), (receipt.Phase, receipt.Verdict));
        it.Work.Release(Prepare);
        Assert.Null(await initialize);
        Assert.Equal(InstancePhase.Stopped, it.Phase);
        Assert.True(it.Life.State.Initialised);
    }

    [Theory]
    [InlineData("signal", true)]
    [InlineData("order", true)]
    [InlineData("hook", false)]
    public async Task SignalOrOrder_OrDuringTheProcessesOwnInitialize_DoesNotWait(string cause, bool byHook)
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = Way.Held;
        var initialize = it.InitializeAsync(byHook);
        await it.Work.WhenCalledAsync(Prepare);
        var receipt = await Soon(it.Life.StopAsync(cause));
        Assert.DoesNotContain(receipt.Steps, s => s.Step == "initialize");
        Assert.Equal((cause, InstancePhase.Stopped, Verdict.Clean), (receipt.Cause, receipt.Phase, receipt.Verdict));
        it.Work.Release(Prepare);
        Assert.Null(await initialize);
    }

    [Theory]
    [InlineData("signal")]
    [InlineData("order")]
    public async Task SignalOrOrder_ThatJoinsAHooksStop_DoesNotWaitForTheInitializeEither(string cause)
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = Way.Held;
        var initialize = it.InitializeAsync(byHook: true);
        await it.Work.WhenCalledAsync(Prepare);
        var hook = it.Life.StopAsync("hook");
        await it.WhenNextTimerAsync(TimeSpan.FromSeconds(58.5));
        var receipt = await Soon(it.Life.StopAsync(cause));
        Assert.Same(receipt, await Soon(hook));
        Assert.Equal("initialize done", Steps(receipt)[0]);
        Assert.Equal(("hook", InstancePhase.Stopped, Verdict.Clean), (receipt.Cause, receipt.Phase, receipt.Verdict));
        it.Work.Release(Prepare);
        Assert.Null(await initialize);
    }

    [Fact]
    public async Task Force_EndsTheWaiting()
    {
        using var it = await ReadyAsync();
        it.Accept();
        var run = it.Life.StopAsync("signal");
        await it.Invocations.Finishing;
        it.Life.Force();
        var receipt = await Soon(run);
        Assert.Equal((InstancePhase.Stopped, Verdict.Forced, 1, 0), (receipt.Phase, receipt.Verdict, receipt.Abandoned, receipt.InFlight));
        Assert.Equal(0, receipt.Ms);
        Assert.Equal(1, it.Work.Count(Over));
        LawHolds(receipt);
    }

    [Fact]
    public async Task Force_InTheLameDuckTimeOfAnIdleInstance_IsForced()
    {
        using var it = await ReadyAsync(b => b.LameDuck = _lameDuck);
        var run = it.Life.StopAsync("signal");
        await it.WhenNextTimerAsync(_lameDuck);
        it.Life.Force();
        var receipt = await Soon(run);
        Assert.Equal((InstancePhase.Stopped, Verdict.Forced), (receipt.Phase, receipt.Verdict));
        Assert.Equal(0, receipt.Ms);
    }

    [Fact]
    public async Task Force_WhileItWaitsItsTurn_EndsThatToo()
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = Way.Held;
        var initialize = it.InitializeAsync(byHook: true);
        await it.Work.WhenCalledAsync(Prepare);
        var stop = it.Life.StopAsync("hook");
        await it.WhenNextTimerAsync(TimeSpan.FromSeconds(58.5));
        it.Life.Force();
        Assert.Equal((InstancePhase.Stopped, Verdict.Forced), ((await Soon(stop)).Phase, it.Life.LastReceipt!.Verdict));
        it.Work.Release(Prepare);
        await initialize;
    }

    [Fact]
    public async Task Force_WithAStepThatThrowsAtCancel_DoesNotReachTheCaller()
    {
        using var it = await ReadyAsync();
        it.Work[Workers] = Way.ThrowsAtCancel;
        var run = it.Life.StopAsync("signal");
        await it.Work.WhenCalledAsync(Workers);
        it.Life.Force();
        Assert.Equal(Verdict.Forced, (await Soon(run)).Verdict);
    }

    [Fact]
    public async Task Force_WithoutAStop_DoesNothing()
    {
        using var it = await ReadyAsync();
        it.Life.Force();
        Assert.Equal(InstancePhase.Ready, it.Phase);
        Assert.Equal(Verdict.Clean, (await Soon(it.Life.StopAsync("hook"))).Verdict);
    }

    [Fact]
    public async Task Dispose_EndsTheWaiting()
    {
        using var it = await ReadyAsync();
        it.Accept();
        var run = it.Life.StopAsync("signal");
        await it.Invocations.Finishing;
        it.Life.Dispose();
        Assert.Equal(Verdict.Forced, (await Soon(run)).Verdict);
    }

    [Theory]
    [InlineData("signal", "hook")]
    [InlineData("hook", "signal")]
    public async Task LaterCaller_JoinsTheRun_AndGetsItsReceipt(string first, string second)
    {
        using var it = await ReadyAsync();
        var ticket = it.Accept();
        var one = it.Life.StopAsync(first);
        await it.Invocations.Finishing;
        var other = it.Life.StopAsync(second);
        ticket.TryEnd(Outcome.Completed);
        var receipt = await Soon(one);
        Assert.Same(receipt, await Soon(other));
        Assert.Equal(first, receipt.Cause);
        Assert.Same(receipt, await Soon(it.Life.StopAsync(second)));
        Assert.Equal(1, it.Work.Count(Flush));
        Assert.Equal(1, it.Work.Count(Begins));
    }

    [Fact]
    public async Task BeforeItIsInitialised_StopsAsWell()
    {
        using var it = new InstanceUnderTest();
        var receipt = await Soon(it.Life.StopAsync("signal"));
        Assert.Equal((InstancePhase.Stopped, Verdict.Clean), (receipt.Phase, receipt.Verdict));
    }

    [Fact]
    public async Task WhileFrozen_StopsInTheSameLife()
    {
        using var it = await FrozenAsync();
        var receipt = await Soon(it.Life.StopAsync("hook"));
        Assert.Equal((1, InstancePhase.Stopped, Verdict.Clean), (receipt.Epoch, receipt.Phase, receipt.Verdict));
    }

    [Fact]
    public async Task AfterATimeFrozen_StopsInItsNewLife()
    {
        using var it = await FrozenAsync();
        it.Clock.Advance(TimeSpan.FromHours(1));
        var receipt = await Soon(it.Life.StopAsync("hook"));
        Assert.Equal((2, InstancePhase.Stopped, Verdict.Clean), (receipt.Epoch, receipt.Phase, receipt.Verdict));
    }

    [Fact]
    public async Task StopSoFar_TellsTheStepsDone_AsForced()
    {
        using var it = await ReadyAsync(b => b.LameDuck = _lameDuck);
        var ticket = it.Accept();
        var run = it.Life.StopAsync("signal");
        await it.WhenNextTimerAsync(_lameDuck);
        it.RunFor(_lameDuck);
        await it.Invocations.Finishing;
        it.RunFor(TimeSpan.FromSeconds(2));
        var soFar = it.Life.StopSoFar();
        Assert.Equal(("pre-stop", "signal", InstancePhase.Draining), (soFar.Hook, soFar.Cause, soFar.Phase));
        Assert.Equal((Verdict.Forced, false, 1), (soFar.Verdict, soFar.CalledOff, soFar.InFlight));
        Assert.Equal(["lame-duck done"], Steps(soFar));
        Assert.Equal(7000, soFar.Ms, 1.0);
        LawHolds(soFar);
        Assert.Null(it.Life.LastReceipt);
        ticket.TryEnd(Outcome.Completed);
        Assert.Equal(Verdict.Clean, (await Soon(run)).Verdict);
    }

    [Fact]
    public async Task StopSoFar_AfterTheEnd_IsTheReceipt()
    {
        using var it = await ReadyAsync();
        Assert.Same(await Soon(it.Life.StopAsync("hook")), it.Life.StopSoFar());
    }

    [Fact]
    public async Task StopSoFar_WithoutAStop_IsCalledOff()
    {
        using var it = await ReadyAsync();
        var soFar = it.Life.StopSoFar();
        Assert.Equal(("pre-stop", InstancePhase.Ready, true, Verdict.Forced), (soFar.Hook, soFar.Phase, soFar.CalledOff, soFar.Verdict));
    }

    [Theory]
    [InlineData(0.4, 0.2)]
    [InlineData(1.0, 0.5)]
    [InlineData(1.2, 0.7)]
    [InlineData(90, 89.5)]
    public async Task Budget_LeavesTheAnswersMargin(double stop, double expected)
    {
        using var it = await ReadyAsync(b => b.Stop = TimeSpan.FromSeconds(stop));
        it.Work[Workers] = Way.Hangs;
        it.Work[Flush] = Way.Hangs;
        it.Work[Publish] = Way.Hangs;
        var run = it.Life.StopAsync("hook");
        await it.Work.WhenCalledAsync(Begins);
        it.RunFor(TimeSpan.FromSeconds(expected));
        Assert.InRange((await Soon(run)).Ms, 0, (expected * 1000) + 0.01);
        Assert.Equal(TimeSpan.FromSeconds(expected), it.Work.Drains.Single().Budget);
    }

    [Fact]
    public async Task ResumedDrain_RefusesFromItsBeginning_AndStopsWithoutALameDuckTime()
    {
        using var it = await ReadyAsync(b => b.LameDuck = _lameDuck);
        it.Life.ResumeDrain("hook of yesterday");
        Assert.Equal(InstancePhase.Draining, it.Phase);
        Assert.True(it.Life.IsRefusing);
        Assert.Equal(RefusalReason.Draining, (await it.RequestAsync()).Reason);
        Assert.Contains(it.Recorder.After(0), e => e is { Kind: "intent", Detail: "hook of yesterday" });
        var receipt = await Soon(it.Life.StopAsync("hook"));
        Assert.Equal(["finish done", "workers done", "flush done", "publish done"], Steps(receipt));
    }

    [Fact]
    public async Task ResumedDrain_OfAStoppedInstance_ChangesNothing()
    {
        using var it = await ReadyAsync();
        await Soon(it.Life.StopAsync("hook"));
        it.Life.ResumeDrain("late");
        Assert.Equal(InstancePhase.Stopped, it.Phase);
        Assert.Equal(RefusalReason.Stopped, it.TryAccept().Reason);
    }

    [Fact]
    public async Task ResumedDrain_Ends()
    {
        using var it = await ReadyAsync();
        it.Life.ResumeDrain("hook of yesterday");
        Assert.True(it.Life.EndResumedDrain("expired"));
        Assert.Equal(InstancePhase.Ready, it.Phase);
        Assert.False(it.Life.IsRefusing);
        Assert.Equal(1, it.Work.Count(Over));
        Assert.True((await it.RequestAsync()).Accepted);
        Assert.False(it.Life.EndResumedDrain("again"));
    }

    [Fact]
    public async Task ResumedDrain_DoesNotEnd_OnceAStopOfItsOwnHasBegun()
    {
        using var it = await ReadyAsync();
        it.Life.ResumeDrain("hook of yesterday");
        it.Work[Workers] = Way.Held;
        var run = it.Life.StopAsync("signal");
        await it.Work.WhenCalledAsync(Workers);
        Assert.False(it.Life.EndResumedDrain("expired"));
        it.Work.Release(Workers);
        Assert.Equal((InstancePhase.Stopped, false), ((await Soon(run)).Phase, it.Life.LastReceipt!.CalledOff));
        Assert.False(it.Life.EndResumedDrain("expired"));
        Assert.Equal(InstancePhase.Stopped, it.Phase);
    }

    private static List<string> Steps(Receipt receipt) => [.. receipt.Steps.Select(step => $"{step.Step} {step.Outcome}")];
}
