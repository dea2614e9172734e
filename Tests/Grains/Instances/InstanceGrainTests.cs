using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Grains.Functions;
using NoslateFleet.Grains.Instances;
using NoslateFleet.Grains.Placement;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Grains.Harness;

namespace NoslateFleet.Tests.Grains.Instances;

public sealed class InstanceGrainTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Drain_AnswersAtOnce_EndsWithItsReceipt_AndIsUndone()
    {
        await using var instance = new TestInstance();
        await instance.StartSiloAsync();
        Assert.Null(await instance.Lifecycle.InitializeAsync(null, byHook: false, CancellationToken.None));
        var grain = instance.Grains.GetGrain<IInstanceGrain>(GrainKeys.OfInstance(instance.Id));
        Assert.Null(await grain.ReportDrainAsync());
        var running = await instance.AdmitAsync();
        var begun = await grain.DrainAsync("an operator").AsTask().WaitAsync(_patience);
        Assert.False(begun.Ended);
        Assert.Equal((Receipt.PreStop, "order"), (begun.Receipt.Hook, begun.Receipt.Cause));
        Assert.False((await grain.DrainAsync("another"))!.Ended);
        instance.Gate.End(running, NoslateFleet.Coordination.Invocations.Outcome.Completed);
        await Until.TrueAsync(async () => (await grain.ReportDrainAsync())!.Ended, "the drain never ended");
        var ended = (await grain.ReportDrainAsync())!.Receipt;
        Assert.Equal((1, 1, 0, Verdict.Clean), (ended.Accepted, ended.Completed, ended.InFlight, ended.Verdict));
        Assert.NotEmpty(ended.Steps);
        var report = await grain.ReportAsync();
        Assert.Equal(InstancePhase.Stopped, report.State.Phase);
        Assert.Equal(ended.At, report.LastReceipt!.At);
        Assert.True(await grain.UndrainAsync("an operator"));
        Assert.False(await grain.UndrainAsync("an operator"));
        Assert.Equal(InstancePhase.Ready, (await grain.ReportAsync()).State.Phase);
        var events = await grain.ReadRecorderAsync(0);
        Assert.Contains(events, e => e is { Kind: "drain", Detail: "an operator" });
        Assert.Empty(await grain.ReadRecorderAsync(events[^1].Sequence));
    }

    [Fact]
    public async Task Flush_TellsWhatWentWrong()
    {
        await using var instance = new TestInstance();
        await instance.StartSiloAsync();
        var grain = instance.Grains.GetGrain<IInstanceGrain>(GrainKeys.OfInstance(instance.Id));
        Assert.Null(await grain.FlushAsync(CancellationToken.None).WaitAsync(_patience));
        instance.Work.Flush = static _ => throw new InvalidOperationException("the disk is full");
        Assert.Equal("the disk is full", await grain.FlushAsync(CancellationToken.None).WaitAsync(_patience));
    }

    [Fact]
    public async Task Function_DrainsAlone()
    {
        await using var instance = new TestInstance();
        await instance.StartSiloAsync();
        var grain = instance.Grains.GetGrain<IFunctionGrain>(GrainKeys.OfFunction(instance.Id, "f"));
        var running = await instance.AdmitAsync();
        var drained = await grain.DrainAsync();
        Assert.Equal((true, 1, 1L), (drained.Draining, drained.InFlight, drained.Status!.Counters.Accepted));
        var refused = await instance.Gate.AdmitAsync("f", "r", Timeout.InfiniteTimeSpan, CancellationToken.None);
        Assert.Equal(NoslateFleet.Coordination.Admission.RefusalReason.Draining, refused.Reason);
        instance.Gate.End(await instance.AdmitAsync("g"), NoslateFleet.Coordination.Invocations.Outcome.Completed);
        instance.Gate.End(running, NoslateFleet.Coordination.Invocations.Outcome.Completed);
        await instance.SettledAsync();
        Assert.False((await grain.UndrainAsync()).Draining);
        instance.Gate.End(await instance.AdmitAsync(), NoslateFleet.Coordination.Invocations.Outcome.Completed);
        await instance.SettledAsync();
    }

    [Fact]
    public async Task Function_TellsItsWorkers()
    {
        await using var instance = new TestInstance();
        await instance.StartSiloAsync();
        instance.Board.WorkerCame("f", "w1");
        var grain = instance.Grains.GetGrain<IFunctionGrain>(GrainKeys.OfFunction(instance.Id, "f"));
        var report = await grain.ReportAsync();
        Assert.Equal(NoslateFleet.Coordination.Functions.FunctionTemperature.Warm, report.Status!.Temperature);
        Assert.Equal(["w1"], report.Status.Workers.Select(static w => w.Name));
        Assert.Null((await instance.Grains.GetGrain<IFunctionGrain>(GrainKeys.OfFunction(instance.Id, "g")).ReportAsync()).Status);
    }
}
