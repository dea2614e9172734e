using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using static NoslateFleet.Tests.Coordination.Lifecycle.InstanceUnderTest;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

/// <summary>Whatever breaks around a stop, it ends in time, and as Stopped.</summary>
public sealed class BrokenWorkTests
{
    private static readonly string[] _steps =
        [nameof(IInstanceWork.WorkersIdleAsync), nameof(IInstanceWork.FlushAsync), nameof(IInstanceWork.PublishAsync)];

    private static readonly string[] _notes = [nameof(IInstanceWork.DrainBegins), nameof(IInstanceWork.DrainOver)];

    public static TheoryData<string, Way> BrokenSteps
    {
        get
        {
            var data = new TheoryData<string, Way>();
            foreach (var step in _steps)
            {
                foreach (var way in new[] { Way.Throws, Way.Fails, Way.Hangs, Way.Blocks, Way.Heeds, Way.ThrowsAtCancel })
                {
                    data.Add(step, way);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(BrokenSteps))]
    public async Task Step_IsToldInTheReceipt_AndTheOthersAreDone(string step, Way way)
    {
        using var it = await ReadyAsync();
        it.Work[step] = way;
        var run = it.Life.StopAsync("hook");
        await it.Work.WhenCalledAsync(step);
        if (way is not (Way.Throws or Way.Fails))
        {
            it.RunFor(StopTime);
        }

        var receipt = await Soon(run);
        var outcome = way is Way.Throws or Way.Fails ? $"failed: {step} is broken" : StepTime.BudgetOver;
        Assert.Equal((InstancePhase.Stopped, Verdict.Forced, false), (receipt.Phase, receipt.Verdict, receipt.CalledOff));
        Assert.Equal(outcome, Assert.Single(receipt.Steps, s => step.StartsWith(s.Step, StringComparison.OrdinalIgnoreCase)).Outcome);
        Assert.Equal(["finish", "workers", "flush", "publish"], receipt.Steps.Select(s => s.Step));
        Assert.InRange(receipt.Ms, 0, StopTime.TotalMilliseconds + 0.01);
        foreach (var call in (string[])[.. _steps, .. _notes])
        {
            await it.Work.WhenCalledAsync(call);
            Assert.Equal(1, it.Work.Count(call));
        }
    }

    [Fact]
    public async Task WorkersThatHang_LeaveTheirShareToFlush_AndThatToPublish()
    {
        using var it = await ReadyAsync();
        Array.ForEach(_steps, step => it.Work[step] = Way.Hangs);
        var run = it.Life.StopAsync("hook");
        await it.Work.WhenCalledAsync(_steps[0]);
        it.RunFor(TimeSpan.FromSeconds(58.5) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, it.Work.Count(_steps[1]));
        it.RunFor(TimeSpan.FromMilliseconds(1));
        await it.Work.WhenCalledAsync(_steps[1]);
        it.RunFor(TimeSpan.FromMilliseconds(501));
        await it.Work.WhenCalledAsync(_steps[2]);
        Assert.False(run.IsCompleted);
        it.RunFor(TimeSpan.FromMilliseconds(499));
        var receipt = await Soon(run);
        Assert.Equal(59_500, receipt.Ms, 0.01);
        Assert.Equal(58_500, receipt.Steps.Single(s => s.Step == "workers").Ms, 0.01);
        Assert.Equal(500, receipt.Steps.Single(s => s.Step == "flush").Ms, 0.01);
        Assert.Equal(500, receipt.Steps.Single(s => s.Step == "publish").Ms, 1.01);
    }

    [Theory]
    [InlineData(nameof(IInstanceWork.DrainBegins))]
    [InlineData(nameof(IInstanceWork.DrainOver))]
    public async Task NoteThatThrows_IsRecorded_AndNotTheStopsFault(string note)
    {
        using var it = await ReadyAsync();
        it.Work[note] = Way.Throws;
        var receipt = await Soon(it.Life.StopAsync("hook"));
        Assert.Equal((InstancePhase.Stopped, Verdict.Clean), (receipt.Phase, receipt.Verdict));
        Assert.Contains(it.Recorder.After(0), e => e.Kind == "fault" && e.Detail == note + " is broken");
    }

    [Theory]
    [InlineData(nameof(IInstanceWork.DrainBegins))]
    [InlineData(nameof(IInstanceWork.DrainOver))]
    public async Task NoteThatHangs_HoldsTheStopUpForASecondAtMost(string note)
    {
        using var it = await ReadyAsync();
        it.Work[note] = Way.Blocks;
        var run = it.Life.StopAsync("hook");
        await it.Work.WhenCalledAsync(note);
        await it.WhenNextTimerAsync(TimeSpan.FromSeconds(1));
        it.RunFor(TimeSpan.FromSeconds(1));
        if (note == nameof(IInstanceWork.DrainBegins))
        {
            // The other note comes after this one, or not at all.
            await it.Work.WhenCalledAsync(nameof(IInstanceWork.PublishAsync));
            await it.WhenNextTimerAsync(TimeSpan.FromSeconds(1));
            it.RunFor(TimeSpan.FromSeconds(1));
        }

        var receipt = await Soon(run);
        Assert.Equal((InstancePhase.Stopped, Verdict.Clean), (receipt.Phase, receipt.Verdict));
        Assert.Contains(it.Recorder.After(0), e => e is { Kind: "fault", Detail: "the note of the drain takes too long" });
        Assert.InRange(receipt.Ms, 0, 2000.01);
    }

    [Fact]
    public async Task NoteThatHangs_IsStillStruckOut_OnceItHasBeenTaken()
    {
        using var it = await ReadyAsync();
        it.Work[nameof(IInstanceWork.DrainBegins)] = Way.Blocks;
        var run = it.Life.StopAsync("hook");
        await it.Work.WhenCalledAsync(nameof(IInstanceWork.DrainBegins));
        it.RunFor(StopTime);
        await Soon(run);
        it.Work.Dispose();
        await it.Work.WhenCalledAsync(nameof(IInstanceWork.DrainOver));
    }

    [Fact]
    public async Task EverythingHangs_ItEndsWithinTheBudget()
    {
        // Every subset of what can hang, each with a request that does not end.
        string[] all = [.. _steps, .. _notes];
        for (var mask = 0; mask < 1 << all.Length; mask++)
        {
            using var it = await ReadyAsync(b => b.LameDuck = TimeSpan.FromSeconds(5));
            for (var i = 0; i < all.Length; i++)
            {
                if ((mask & (1 << i)) != 0)
                {
                    it.Work[all[i]] = i < _steps.Length ? Way.Hangs : Way.Blocks;
                }
            }

            it.Accept();
            var run = it.Life.StopAsync("hook");
            await it.Work.WhenCalledAsync(nameof(IInstanceWork.DrainBegins));
            it.RunFor(StopTime);
            var receipt = await Soon(run);
            Assert.Equal((InstancePhase.Stopped, Verdict.Forced, 1), (receipt.Phase, receipt.Verdict, receipt.Abandoned));
            Assert.InRange(receipt.Ms, 0, StopTime.TotalMilliseconds + 0.01);
            LawHolds(receipt);
        }
    }

    [Fact]
    public async Task AbandoningThatThrows_IsForced_AndStopped()
    {
        using var it = await ReadyAsync();
        var ticket = it.Accept();
        it.Invocations.OnAbandon = () => throw new InvalidOperationException("no connection to cut");
        var run = it.Life.StopAsync("hook");
        await it.Invocations.Finishing;
        it.Life.Force();
        var receipt = await Soon(run);
        Assert.Equal((InstancePhase.Stopped, Verdict.Forced, 1), (receipt.Phase, receipt.Verdict, receipt.InFlight));
        Assert.Contains(it.Recorder.After(0), e => e is { Kind: "fault", Detail: "no connection to cut" });
        LawHolds(receipt);
        Assert.True(ticket.TryEnd(Outcome.Failed));
    }
}
