using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using static NoslateFleet.Tests.Coordination.Lifecycle.InstanceUnderTest;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

public sealed class UndrainTests
{
    private const string Begins = nameof(IInstanceWork.DrainBegins);
    private const string Over = nameof(IInstanceWork.DrainOver);
    private const string Workers = nameof(IInstanceWork.WorkersIdleAsync);
    private const string Publish = nameof(IInstanceWork.PublishAsync);
    private const string Prepare = nameof(IInstanceWork.PrepareAsync);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task NothingToUndo_IsFalse_AndChangesNothing(bool frozen)
    {
        using var it = frozen ? await FrozenAsync() : await ReadyAsync();
        var state = it.Life.State;
        Assert.False(it.Life.Undrain("operator"));
        Assert.Equal(state, it.Life.State);
        Assert.Equal(0, it.Work.Count(Over));
    }

    [Fact]
    public async Task ByWhoBeganTheStop_UndoesIt()
    {
        using var it = await ReadyAsync();
        var run = it.Life.StopAsync("order");
        await Soon(run);
        Assert.True(it.Life.UndoStop(run, "order", "expired"));
        Assert.Equal(InstancePhase.Ready, it.Phase);
        Assert.False(it.Life.UndoStop(run, "order", "expired"));
    }

    [Theory]
    [InlineData("signal", "order")]
    [InlineData("order", "signal")]
    public async Task ByAnOrder_LeavesAStopThatOthersBeganOrJoined(string first, string second)
    {
        using var it = await ReadyAsync();
        await Soon(it.Life.StopAsync(first));
        var joined = it.Life.StopAsync(second);
        Assert.False(it.Life.UndoStop(joined, "order", "expired"));
        Assert.Equal(InstancePhase.Stopped, it.Phase);
        Assert.True(it.Life.Undrain("operator"));
    }

    [Fact]
    public async Task ByWhoBeganAnEarlierStop_LeavesALaterOne()
    {
        using var it = await ReadyAsync();
        var earlier = it.Life.StopAsync("order");
        await Soon(earlier);
        Assert.True(it.Life.Undrain("operator"));
        await Soon(it.Life.StopAsync("order"));
        Assert.False(it.Life.UndoStop(earlier, "order", "expired"));
        Assert.Equal(InstancePhase.Stopped, it.Phase);
    }

    [Fact]
    public async Task InLameDuck_CallsTheStopOff()
    {
        using var it = await ReadyAsync(b => b.LameDuck = TimeSpan.FromSeconds(5));
        var run = it.Life.StopAsync("order");
        await it.WhenNextTimerAsync(TimeSpan.FromSeconds(5));
        Assert.True(it.Life.Undrain("operator"));
        await AssertUndone(it, await Soon(run));
        Assert.Equal(["lame-duck called off"], Steps(it.Life.LastReceipt!));
    }

    [Fact]
    public async Task WhileItFinishes_CallsTheStopOff_AndWhatRunsGoesOn()
    {
        using var it = await ReadyAsync();
        var ticket = it.Accept();
        var run = it.Life.StopAsync("order");
        await it.Invocations.Finishing;
        Assert.True(it.Life.Undrain("operator"));
        var receipt = await Soon(run);
        Assert.Equal(1, receipt.InFlight);
        Assert.Equal(["finish called off"], Steps(receipt));
        Assert.True(ticket.TryEnd(Outcome.Completed));
        await AssertUndone(it, receipt);
        Assert.Contains(it.Recorder.After(0), e => e is { Kind: "undrain", Detail: "operator" });
    }

    [Fact]
    public async Task WhileTheWorkersFinish_CallsTheStopOff()
    {
        using var it = await ReadyAsync();
        it.Work[Workers] = Way.Held;
        var run = it.Life.StopAsync("order");
        await it.Work.WhenCalledAsync(Workers);
        Assert.True(it.Life.Undrain("operator"));
        await AssertUndone(it, await Soon(run));
        Assert.Equal(0, it.Work.Count(Publish));
    }

    [Fact]
    public async Task WhileItPublishesItsEnd_TheReceiptSaysUndone()
    {
        using var it = await ReadyAsync();
        it.Work[Publish] = Way.Held;
        var run = it.Life.StopAsync("order");
        await it.Work.WhenCalledAsync(Publish);
        Assert.True(it.Life.Undrain("operator"));
        it.Work.Release(Publish);
        await AssertUndone(it, await Soon(run));
    }

    [Fact]
    public async Task AfterStopped_ServesAgain_AndTheNextStopIsANewOne()
    {
        using var it = await ReadyAsync();
        var first = await Soon(it.Life.StopAsync("order"));
        Assert.False(first.CalledOff);
        Assert.True(it.Life.Undrain("operator"));
        Assert.Equal(InstancePhase.Ready, it.Phase);
        var request = await it.RequestAsync();
        Assert.True(request.Accepted);
        Assert.Equal(2, it.Work.Count(Over));
        request.Ticket.TryEnd(Outcome.Completed);
        var second = await Soon(it.Life.StopAsync("signal"));
        Assert.NotSame(first, second);
        Assert.Equal(("signal", InstancePhase.Stopped, 1), (second.Cause, second.Phase, second.Completed));
        LawHolds(second);
    }

    [Fact]
    public async Task WhileTheStopWaitsItsTurn_CallsItOff()
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = Way.Held;
        var initialize = it.InitializeAsync(byHook: true);
        await it.Work.WhenCalledAsync(Prepare);
        var stop = it.Life.StopAsync("hook");
        await it.WhenNextTimerAsync(TimeSpan.FromSeconds(58.5));
        Assert.True(it.Life.Undrain("operator"));
        var receipt = await Soon(stop);
        Assert.Equal((InstancePhase.Starting, true, Verdict.Clean), (receipt.Phase, receipt.CalledOff, receipt.Verdict));
        Assert.Equal(1, it.Work.Count(Over));
        it.Work.Release(Prepare);
        Assert.Null(await initialize);
        Assert.Equal(InstancePhase.Ready, it.Phase);
        Assert.True((await it.RequestAsync()).Accepted);
    }

    [Fact]
    public async Task ResumedDrain_UndoneWhileItsStopBegins_DoesNotDrainAfterAll()
    {
        using var it = await ReadyAsync();
        it.Life.ResumeDrain("an earlier process");
        it.Work.OnNote = note =>
        {
            if (note == Begins)
            {
                it.Work.OnNote = _ => { };
                Assert.True(it.Life.Undrain("operator"));
            }
        };
        var receipt = await Soon(it.Life.StopAsync("order"));
        await AssertUndone(it, receipt);
        Assert.Equal(Over, it.Work.Calls.Last());
    }

    [Fact]
    public async Task UndoneAndStoppedAgain_KeepsTheNoteOfTheSecondStop()
    {
        using var it = await ReadyAsync();
        await Soon(it.Life.StopAsync("order"));
        using var undone = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        it.Life.Changed += state =>
        {
            // Held up between the undoing and the striking out of its note.
            if (state.Phase == InstancePhase.Ready && !undone.IsSet)
            {
                undone.Set();
                Assert.True(goOn.Wait(TimeSpan.FromSeconds(20)));
            }
        };
        var undrain = Task.Factory.StartNew(
            () => it.Life.Undrain("operator"), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Assert.True(undone.Wait(TimeSpan.FromSeconds(20)));
        it.Work[Workers] = Way.Held;
        var second = it.Life.StopAsync("signal");
        await it.Work.WhenCalledAsync(Workers, 2);
        goOn.Set();
        Assert.True(await Soon(undrain));
        Assert.Equal([Begins, Over, Begins], it.Work.Calls.Where(call => call is Begins or Over));
        it.Work.Release(Workers);
        Assert.Equal(InstancePhase.Stopped, (await Soon(second)).Phase);
        Assert.Equal([Begins, Over, Begins, Over], it.Work.Calls.Where(call => call is Begins or Over));
    }

    [Fact]
    public async Task MeetsTheAbandoning_WhichEndsBeforeAdmissionIsOpenAgain()
    {
        using var it = await ReadyAsync();
        it.Accept();
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var undrain = Task.FromResult(false);
        var openMeanwhile = true;
        it.Invocations.OnOpen = open.SetResult;
        it.Invocations.OnAbandon = () =>
        {
            undrain = Task.Run(() => it.Life.Undrain("operator"));

            // What must not happen can't be waited for, only watched for a while.
            openMeanwhile = open.Task.Wait(TimeSpan.FromMilliseconds(50));
        };
        var run = it.Life.StopAsync("signal");
        await it.Invocations.Finishing;
        it.Life.Force();
        var receipt = await Soon(run);
        Assert.True(await Soon(undrain));
        Assert.False(openMeanwhile);
        Assert.Equal(1, receipt.Abandoned);
        Assert.True((await it.RequestAsync()).Accepted);
    }

    [Fact]
    public async Task RacingWithTheEndOfAStop_NothingAdmittedAfterItIsAbandoned()
    {
        for (var round = 0; round < 300; round++)
        {
            using var it = await ReadyAsync();
            using var together = new Barrier(2);
            it.Life.ResumeDrain("so that there is something to undo at any moment");
            var stop = Task.Run(async () =>
            {
                together.SignalAndWait();
                return await it.Life.StopAsync("signal");
            });
            together.SignalAndWait();
            for (var i = 0; i < round % 40; i++)
            {
                Thread.Yield();
            }

            Assert.True(it.Life.Undrain("operator"));
            var asked = it.TryAccept();
            for (var i = 0; i < round % 20; i++)
            {
                Thread.Yield();
            }

            Assert.Equal(asked.Accepted, asked.Ticket.TryEnd(Outcome.Completed));
            var receipt = await Soon(stop);

            // The undoing came before the stop, which then had its way, or during it, or after it.
            var serves = it.Phase == InstancePhase.Ready;
            Assert.True(serves || (!receipt.CalledOff && it.Phase == InstancePhase.Stopped), $"{it.Phase}, {receipt}");
            Assert.Equal((serves, !serves), (it.Admission.IsOpen, it.Life.IsRefusing));
            Assert.Equal(0, receipt.Abandoned);
            LawHolds(receipt);
        }
    }

    private static async Task AssertUndone(InstanceUnderTest it, Receipt receipt)
    {
        Assert.Equal((InstancePhase.Ready, Verdict.Clean, true), (receipt.Phase, receipt.Verdict, receipt.CalledOff));
        Assert.Equal(0, receipt.Abandoned);
        LawHolds(receipt);
        Assert.Same(receipt, it.Life.LastReceipt);
        Assert.Equal(InstancePhase.Ready, it.Phase);
        Assert.False(it.Life.IsRefusing);
        Assert.False(it.Life.IsLeaving);
        Assert.True((await it.RequestAsync()).Accepted);
        Assert.True(it.Work.Count(Over) > 0);
        Assert.Equal(0, it.Clock.ArmedTimers);
    }

    private static List<string> Steps(Receipt receipt) => [.. receipt.Steps.Select(step => $"{step.Step} {step.Outcome}")];
}
