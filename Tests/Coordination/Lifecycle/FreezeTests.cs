using System.Reflection;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using static NoslateFleet.Tests.Coordination.Lifecycle.InstanceUnderTest;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

public sealed class FreezeTests
{
    private const string Flush = nameof(IInstanceWork.FlushAsync);
    private const string Publish = nameof(IInstanceWork.PublishAsync);
    private const string Prepare = nameof(IInstanceWork.PrepareAsync);

    [Fact]
    public async Task Idle_IsCleanAndFrozen()
    {
        using var it = await ReadyAsync();
        var receipt = await Soon(it.Life.FreezeAsync());
        Assert.Equal(("pre-freeze", "hook", "i-1", "b-1"), (receipt.Hook, receipt.Cause, receipt.InstanceId, receipt.Boot));
        Assert.Equal((1, InstancePhase.Frozen, Verdict.Clean, false), (receipt.Epoch, receipt.Phase, receipt.Verdict, receipt.CalledOff));
        Assert.Equal(["finish done", "flush done", "publish done"], Steps(receipt));
        Assert.Same(receipt, it.Life.LastReceipt);
        Assert.Equal(InstancePhase.Frozen, it.Phase);
        Assert.Contains(it.Recorder.After(0), e => e is { Kind: "pre-freeze", Detail: "Clean, 0 in flight, 0 abandoned" });
    }

    [Fact]
    public async Task WhatIsPublished_SaysFrozen()
    {
        using var it = await ReadyAsync();
        it.Work[Publish] = Way.Held;
        var run = it.Life.FreezeAsync();
        await it.Work.WhenCalledAsync(Publish);
        Assert.Equal(InstancePhase.Frozen, it.Phase);
        it.Work.Release(Publish);
        Assert.Equal(Verdict.Clean, (await Soon(run)).Verdict);
    }

    [Fact]
    public async Task WhatRuns_MayEnd()
    {
        using var it = await ReadyAsync();
        var ticket = it.Accept();
        var run = it.Life.FreezeAsync();
        await it.Invocations.Finishing;
        it.RunFor(TimeSpan.FromSeconds(3));
        Assert.Equal(InstancePhase.Freezing, it.Phase);
        Assert.False(run.IsCompleted);
        Assert.True(ticket.TryEnd(Outcome.Completed));
        var receipt = await Soon(run);
        Assert.Equal((InstancePhase.Frozen, Verdict.Clean, 1, 0), (receipt.Phase, receipt.Verdict, receipt.Completed, receipt.InFlight));
        Assert.Equal(3000, receipt.Ms, 1.0);
        Assert.Equal(3000, receipt.Steps[0].Ms, 1.0);
        LawHolds(receipt);
    }

    [Fact]
    public async Task RequestMeanwhile_IsServed_AndCallsItOff()
    {
        using var it = await ReadyAsync();
        var running = it.Accept();
        var run = it.Life.FreezeAsync();
        await it.Invocations.Finishing;
        Assert.True((await it.RequestAsync()).Accepted);
        var receipt = await Soon(run);
        Assert.Equal((InstancePhase.Ready, Verdict.Clean, true), (receipt.Phase, receipt.Verdict, receipt.CalledOff));
        Assert.Equal(["finish called off"], Steps(receipt));
        Assert.Equal(1, it.Epoch);
        Assert.True(it.Life.TryPass());
        Assert.Equal(0, it.Work.Count(Publish));
        Assert.True(running.TryEnd(Outcome.Completed));
        LawHolds(receipt);
    }

    [Fact]
    public async Task RequestWhileItFlushes_CallsItOff()
    {
        using var it = await ReadyAsync();
        it.Work[Flush] = Way.Held;
        var run = it.Life.FreezeAsync();
        await it.Work.WhenCalledAsync(Flush);
        Assert.True((await it.RequestAsync()).Accepted);
        var receipt = await Soon(run);
        Assert.Equal((InstancePhase.Ready, Verdict.Clean, true), (receipt.Phase, receipt.Verdict, receipt.CalledOff));
        Assert.Equal(["finish done", "flush called off"], Steps(receipt));
    }

    [Fact]
    public async Task RequestWhileItPublishes_ThawsIt_AndTheReceiptSaysSo()
    {
        using var it = await ReadyAsync();
        it.Work[Publish] = Way.Held;
        var run = it.Life.FreezeAsync();
        await it.Work.WhenCalledAsync(Publish);
        Assert.True((await it.RequestAsync()).Accepted);
        it.Work.Release(Publish);
        var receipt = await Soon(run);
        Assert.Equal((2, InstancePhase.Ready, true), (receipt.Epoch, receipt.Phase, receipt.CalledOff));
    }

    [Fact]
    public async Task AfterItWasCalledOff_ItCanBeFrozenAgain()
    {
        using var it = await ReadyAsync();
        it.Work[Flush] = Way.Held;
        var run = it.Life.FreezeAsync();
        await it.Work.WhenCalledAsync(Flush);
        var request = await it.RequestAsync();
        await Soon(run);
        request.Ticket.TryEnd(Outcome.Completed);
        it.Work[Flush] = Way.Works;
        var receipt = await Soon(it.Life.FreezeAsync());
        Assert.Equal((InstancePhase.Frozen, Verdict.Clean, false), (receipt.Phase, receipt.Verdict, receipt.CalledOff));
    }

    [Fact]
    public async Task BudgetOver_IsForced_AndFrozenAllTheSame_WithTimeKeptForTheEnd()
    {
        using var it = await ReadyAsync();
        var ticket = it.Accept();
        var run = it.Life.FreezeAsync();
        await it.Invocations.Finishing;
        it.RunFor(TimeSpan.FromSeconds(8));
        Assert.False(run.IsCompleted);
        it.RunFor(TimeSpan.FromSeconds(0.5));
        var receipt = await Soon(run);
        Assert.Equal((InstancePhase.Frozen, Verdict.Forced), (receipt.Phase, receipt.Verdict));
        Assert.Equal((false, 1), (receipt.CalledOff, receipt.InFlight));
        Assert.Equal(["finish budget over", "flush done", "publish done"], Steps(receipt));
        Assert.True(ticket.TryEnd(Outcome.Completed));
        LawHolds(receipt);
    }

    [Theory]
    [InlineData(Flush, Way.Throws)]
    [InlineData(Flush, Way.Fails)]
    [InlineData(Publish, Way.Throws)]
    [InlineData(Publish, Way.Fails)]
    public async Task StepThatBreaks_IsForced_AndFrozenAllTheSame(string step, Way way)
    {
        using var it = await ReadyAsync();
        it.Work[step] = way;
        var receipt = await Soon(it.Life.FreezeAsync());
        Assert.Equal((InstancePhase.Frozen, Verdict.Forced, false), (receipt.Phase, receipt.Verdict, receipt.CalledOff));
        Assert.Contains(receipt.Steps, s => s.Outcome == $"failed: {step} is broken");
        Assert.Equal(["finish", "flush", "publish"], receipt.Steps.Select(s => s.Step));
    }

    [Theory]
    [InlineData(Flush, Way.Hangs)]
    [InlineData(Flush, Way.Blocks)]
    [InlineData(Flush, Way.Heeds)]
    [InlineData(Flush, Way.ThrowsAtCancel)]
    [InlineData(Publish, Way.Hangs)]
    [InlineData(Publish, Way.Blocks)]
    [InlineData(Publish, Way.Heeds)]
    [InlineData(Publish, Way.ThrowsAtCancel)]
    public async Task StepThatHangs_IsForced_AndFrozenAllTheSame_WithinTheBudget(string step, Way way)
    {
        using var it = await ReadyAsync();
        it.Work[step] = way;
        var run = it.Life.FreezeAsync();
        await it.Work.WhenCalledAsync(step);
        it.RunFor(FreezeTime);
        var receipt = await Soon(run);
        Assert.Equal((InstancePhase.Frozen, Verdict.Forced, false), (receipt.Phase, receipt.Verdict, receipt.CalledOff));
        Assert.Equal(StepTime.BudgetOver, receipt.Steps.Single(s => step.StartsWith(s.Step, StringComparison.OrdinalIgnoreCase)).Outcome);
        Assert.InRange(receipt.Ms, 0, FreezeTime.TotalMilliseconds + 0.01);
    }

    [Fact]
    public async Task FlushThatHangs_LeavesTimeToPublish()
    {
        using var it = await ReadyAsync();
        var ticket = it.Accept();
        it.Work[Flush] = Way.Hangs;
        it.Work[Publish] = Way.Held;
        var run = it.Life.FreezeAsync();
        await it.Invocations.Finishing;
        it.RunFor(TimeSpan.FromSeconds(8.5));
        await it.Work.WhenCalledAsync(Flush);
        it.RunFor(TimeSpan.FromMilliseconds(501));
        await it.Work.WhenCalledAsync(Publish);
        it.Work.Release(Publish);
        Assert.Equal(["finish budget over", "flush budget over", "publish done"], Steps(await Soon(run)));
        ticket.TryEnd(Outcome.Completed);
    }

    [Fact]
    public async Task Overlapping_ShareOneRun_AndOneReceipt()
    {
        using var it = await ReadyAsync();
        it.Work[Flush] = Way.Held;
        var first = it.Life.FreezeAsync();
        await it.Work.WhenCalledAsync(Flush);
        var second = it.Life.FreezeAsync();
        it.Work.Release(Flush);
        Assert.Same(await Soon(first), await Soon(second));
        Assert.Equal(1, it.Work.Count(Flush));
    }

    [Fact]
    public async Task RepeatedWhileFrozen_GivesTheSameReceipt_AndDoesNothing()
    {
        using var it = await FrozenAsync();
        var first = it.Life.LastReceipt;
        Assert.Same(first, await Soon(it.Life.FreezeAsync()));
        Assert.Equal(1, it.Work.Count(Flush));
    }

    [Fact]
    public async Task RepeatedAfterATimeFrozen_IsANewFreezeOfANewLife()
    {
        using var it = await FrozenAsync();
        it.Clock.Advance(TimeSpan.FromHours(1));
        var receipt = await Soon(it.Life.FreezeAsync());
        Assert.Equal((2, InstancePhase.Frozen, Verdict.Clean), (receipt.Epoch, receipt.Phase, receipt.Verdict));
        Assert.Equal(2, it.Work.Count(Flush));
    }

    [Fact]
    public async Task BeforeItIsInitialised_OnlyFlushes_AndStaysStarting()
    {
        using var it = new InstanceUnderTest();
        var receipt = await Soon(it.Life.FreezeAsync());
        Assert.Equal((InstancePhase.Starting, Verdict.Clean, true), (receipt.Phase, receipt.Verdict, receipt.CalledOff));
        Assert.Equal(["flush done"], Steps(receipt));
    }

    [Fact]
    public async Task AfterAStop_IsCalledOff_AndChangesNothing()
    {
        using var it = await ReadyAsync();
        var stop = await Soon(it.Life.StopAsync("signal"));
        var receipt = await Soon(it.Life.FreezeAsync());
        Assert.Equal(("pre-freeze", InstancePhase.Stopped, true), (receipt.Hook, receipt.Phase, receipt.CalledOff));
        Assert.Empty(receipt.Steps);
        Assert.Same(stop, it.Life.LastReceipt);
        Assert.Equal(InstancePhase.Stopped, it.Phase);
        LawHolds(receipt);
    }

    [Fact]
    public async Task WhileDrainingByAnIntent_IsCalledOff()
    {
        using var it = await ReadyAsync();
        it.Life.ResumeDrain("an earlier process");
        var receipt = await Soon(it.Life.FreezeAsync());
        Assert.Equal((InstancePhase.Draining, true), (receipt.Phase, receipt.CalledOff));
    }

    [Fact]
    public async Task StopMeanwhile_CallsItOff()
    {
        using var it = await ReadyAsync();
        var ticket = it.Accept();
        var freeze = it.Life.FreezeAsync();
        await it.Invocations.Finishing;
        var stop = it.Life.StopAsync("signal");
        var frozen = await Soon(freeze);
        Assert.Equal((InstancePhase.Draining, true, Verdict.Clean), (frozen.Phase, frozen.CalledOff, frozen.Verdict));
        ticket.TryEnd(Outcome.Completed);
        Assert.Equal((InstancePhase.Stopped, Verdict.Clean), ((await Soon(stop)).Phase, it.Life.LastReceipt!.Verdict));
        LawHolds(frozen);
    }

    [Fact]
    public async Task DuringThePlatformsInitialize_WaitsItsTurn()
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = Way.Held;
        var initialize = it.InitializeAsync(byHook: true);
        await it.Work.WhenCalledAsync(Prepare);
        var freeze = it.Life.FreezeAsync();
        await it.WhenNextTimerAsync(FreezeTime - TimeSpan.FromSeconds(1));
        Assert.Equal(InstancePhase.Starting, it.Phase);
        it.Work.Release(Prepare);
        Assert.Null(await initialize);
        var receipt = await Soon(freeze);
        Assert.Equal(["initialize done", "finish done", "flush done", "publish done"], Steps(receipt));
        Assert.Equal((InstancePhase.Frozen, Verdict.Clean), (receipt.Phase, receipt.Verdict));
    }

    [Fact]
    public async Task DuringThePlatformsInitialize_WaitsNoLongerThanItsBudget()
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = Way.Held;
        var initialize = it.InitializeAsync(byHook: true);
        await it.Work.WhenCalledAsync(Prepare);
        var freeze = it.Life.FreezeAsync();
        await it.WhenNextTimerAsync(FreezeTime - TimeSpan.FromSeconds(1));
        it.RunFor(FreezeTime - TimeSpan.FromSeconds(1));
        var receipt = await Soon(freeze);
        Assert.Equal(["initialize budget over", "flush done"], Steps(receipt));
        Assert.Equal((InstancePhase.Starting, Verdict.Forced, true), (receipt.Phase, receipt.Verdict, receipt.CalledOff));
        it.Work.Release(Prepare);
        Assert.Null(await initialize);
    }

    [Fact]
    public async Task DuringTheProcessesOwnInitialize_DoesNotWait()
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = Way.Held;
        var initialize = it.InitializeAsync(byHook: false);
        await it.Work.WhenCalledAsync(Prepare);
        Assert.Equal(["flush done"], Steps(await Soon(it.Life.FreezeAsync())));
        it.Work.Release(Prepare);
        Assert.Null(await initialize);
    }

    [Fact]
    public async Task DuringTheProcessesOwnInitialize_AfterThePlatformsHasFailed_DoesNotWait()
    {
        using var it = new InstanceUnderTest();
        it.Work.Missing = "a data plane";
        await it.InitializeAsync(byHook: true);
        it.Work.Missing = null;
        it.Work[Prepare] = Way.Held;
        var initialize = it.InitializeAsync(byHook: false);
        await it.Work.WhenCalledAsync(Prepare, 2);
        Assert.Equal(["flush done"], Steps(await Soon(it.Life.FreezeAsync())));
        it.Work.Release(Prepare);
        Assert.Null(await initialize);
    }

    [Fact]
    public async Task DuringTheProcessesOwnInitialize_ThatThePlatformHasJoined_WaitsItsTurn()
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = Way.Held;
        var own = it.InitializeAsync(byHook: false);
        var hook = it.InitializeAsync(byHook: true);
        await it.Work.WhenCalledAsync(Prepare);
        var freeze = it.Life.FreezeAsync();
        await it.WhenNextTimerAsync(FreezeTime - TimeSpan.FromSeconds(1));
        it.Work.Release(Prepare);
        await Task.WhenAll(own, hook);
        Assert.Equal(StepTime.Done, (await Soon(freeze)).Steps.Single(s => s.Step == "initialize").Outcome);
    }

    [Fact]
    public async Task GapInTheMiddle_IsAThaw_AndCallsItOff()
    {
        using var it = await ReadyAsync();
        var ticket = it.Accept();
        var run = it.Life.FreezeAsync();
        await it.Invocations.Finishing;
        it.Clock.JumpWallClock(TimeSpan.FromHours(1));
        it.Life.Tick();
        var receipt = await Soon(run);
        Assert.Equal((2, InstancePhase.Ready, true, Verdict.Clean), (receipt.Epoch, receipt.Phase, receipt.CalledOff, receipt.Verdict));
        ticket.TryEnd(Outcome.Completed);
        LawHolds(receipt);
    }

    [Fact]
    public async Task ChangeToldLate_DoesNotCallItOff()
    {
        using var it = await ReadyAsync();
        var ready = it.Life.State;
        var ticket = it.Accept();
        var run = it.Life.FreezeAsync();
        await it.Invocations.Finishing;

        // As a thread tells it that was held up between a change and its telling.
        const BindingFlags Inside = BindingFlags.Instance | BindingFlags.NonPublic;
        var changed = typeof(InstanceLifecycle).GetField(nameof(InstanceLifecycle.Changed), Inside)!;
        ((Action<InstanceState>)changed.GetValue(it.Life)!)(ready);
        ticket.TryEnd(Outcome.Completed);
        var receipt = await Soon(run);
        Assert.Equal((InstancePhase.Frozen, false), (receipt.Phase, receipt.CalledOff));
    }

    [Fact]
    public async Task HandlerThatThrows_DoesNotKeepTheChangeFromTheFreeze()
    {
        using var it = await ReadyAsync();
        it.Life.Changed += _ => throw new InvalidOperationException("broken handler");
        var ticket = it.Accept();
        var run = it.Life.FreezeAsync();
        await it.Invocations.Finishing;
        Assert.True((await it.RequestAsync()).Accepted);
        Assert.True((await Soon(run)).CalledOff);
        Assert.Contains(it.Recorder.After(0), e => e is { Kind: "fault", Detail: "broken handler" });
        ticket.TryEnd(Outcome.Completed);
    }

    private static List<string> Steps(Receipt receipt) => [.. receipt.Steps.Select(step => $"{step.Step} {step.Outcome}")];
}
