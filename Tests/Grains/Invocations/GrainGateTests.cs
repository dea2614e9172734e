using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Silo.Invocations;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Grains.Harness;
using NoslateFleet.Tests.Grains.Placement;
using Orleans.Configuration;
using Orleans.Hosting;

namespace NoslateFleet.Tests.Grains.Invocations;

/// <summary>The gate with a real silo beside it.</summary>
public sealed class GrainGateTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task EveryInvocation_IsAdmittedAndEndedByItsGrain()
    {
        const int Callers = 16;
        const int Each = 200;
        var calls = new CallCounter();
        await using var instance = new TestInstance();
        await instance.StartSiloAsync(configure: silo => silo.AddIncomingGrainCallFilter(calls));
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(c => Task.Run(async () =>
        {
            for (var i = 0; i < Each; i++)
            {
                var admitted = await instance.AdmitAsync("f" + ((c + i) % 5));
                Assert.NotNull(admitted.Pass);

                // What follows does not run on a grain's scheduler, which dies with its silo.
                Assert.Same(TaskScheduler.Default, TaskScheduler.Current);
                instance.Gate.End(admitted, (Outcome)(i % 3));
            }
        }))).WaitAsync(_patience);
        await instance.SettledAsync();
        var ledger = instance.Ledger.Snapshot();
        Assert.Equal((Callers * Each, 0L), (ledger.Accepted, ledger.Drift));
        Assert.Equal(Callers * Each, ledger.Completed + ledger.Failed + ledger.Cancelled);
        Assert.Equal(Callers * 67, ledger.Completed);
        Assert.Equal(0, instance.Metrics.Bypassed);
        Assert.Equal((Callers * Each, Callers * Each), (calls.Admits, calls.Completes));
    }

    [Fact]
    public async Task UnknownFunction_IsRefused_AndGetsNoGrain()
    {
        var calls = new CallCounter();
        await using var instance = new TestInstance();
        instance.Admission.SetFunctions(new HashSet<string> { "f" });
        await instance.StartSiloAsync(configure: silo => silo.AddIncomingGrainCallFilter(calls));
        var refused = await instance.Gate.AdmitAsync("g", "r", Timeout.InfiniteTimeSpan, CancellationToken.None);
        Assert.Equal(RefusalReason.UnknownFunction, refused.Reason);
        Assert.Equal((0, 0L), (calls.Admits, instance.Metrics.Bypassed));

        // The functions told are activated ahead.
        Assert.Equal(1, calls["PingAsync"]);
        instance.Gate.End(await instance.AdmitAsync(), Outcome.Completed);
        await instance.SettledAsync();
    }

    [Fact]
    public async Task FunctionThatGetsWorkers_IsActivatedAhead()
    {
        var calls = new CallCounter();
        await using var instance = new TestInstance();
        await instance.StartSiloAsync(configure: silo => silo.AddIncomingGrainCallFilter(calls));
        Assert.Equal(0, calls["PingAsync"]);
        instance.Board.WorkerCame("late", "w");
        await Until.TrueAsync(() => calls["PingAsync"] == 1, "was not activated");
    }

    [Fact]
    public async Task NamesBeyondNumber_ShareOneGrain()
    {
        await using var instance = new TestInstance();
        await instance.StartSiloAsync();
        for (var i = 0; i < 400; i++)
        {
            instance.Gate.End(await instance.AdmitAsync($"n{i}"), Outcome.Completed);
        }

        await instance.SettledAsync();
        Assert.Equal(0, instance.Metrics.Bypassed);
        var management = instance.Grains.GetGrain<Orleans.Runtime.IManagementGrain>(0);
        var grains = (await management.GetDetailedGrainStatistics()).Count(g => g.GrainId.Type.ToString() == "noslatefleet.function");
        Assert.InRange(grains, 250, 300);
    }

    /// <summary>That the response timeout has passed is told by a call that began after the queue was full and runs into it.</summary>
    [Fact]
    public async Task QueueFullForLongerThanTheResponseTimeout_CompletionsPass_AndWhoWaitsIsServed()
    {
        await using var instance = new TestInstance(slots: 2, queue: 3);
        await instance.StartSiloAsync(configure: silo => silo.Configure<SiloMessagingOptions>(o => o.ResponseTimeout = TimeSpan.FromSeconds(2)));
        var held = await instance.AdmitAsync("f");
        var other = await instance.AdmitAsync("g");
        var waiting = new List<Task<AdmissionResult>>();
        for (var i = 0; i < 3; i++)
        {
            waiting.Add(instance.Gate.AdmitAsync("f", $"r{i}", TimeSpan.FromMinutes(5), CancellationToken.None).AsTask());
        }

        await Until.TrueAsync(() => instance.Admission.Queued == 3, "did not queue up");
        var full = await instance.Gate.AdmitAsync("f", "r", Timeout.InfiniteTimeSpan, CancellationToken.None);
        Assert.Equal(RefusalReason.QueueFull, full.Reason);
        await Assert.ThrowsAsync<TimeoutException>(
            () => instance.Grains.GetGrain<IShortLivedGrain>("s").HangAsync().WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.DoesNotContain(waiting, static w => w.IsCompleted);
        Assert.Equal(3, instance.Admission.Queued);

        // Each end passes, and lets the next one in.
        instance.Gate.End(other, Outcome.Completed);
        var served = await (await Task.WhenAny(waiting).WaitAsync(_patience));
        Assert.True(served.Accepted);
        instance.Gate.End(served, Outcome.Completed);
        instance.Gate.End(held, Outcome.Completed);
        foreach (var next in await Task.WhenAll(waiting).WaitAsync(_patience))
        {
            Assert.True(next.Accepted);
            if (next != served)
            {
                instance.Gate.End(next, Outcome.Completed);
            }
        }

        await instance.SettledAsync();
        Assert.Equal(new LedgerSnapshot(5, 5, 0, 0, 0, 0), instance.Ledger.Snapshot());
        Assert.Equal(0, instance.Metrics.Bypassed);
    }

    [Fact]
    public async Task ClientLeavesTheQueue_LeavesNoTrace()
    {
        await using var instance = new TestInstance(slots: 1);
        await instance.StartSiloAsync();
        var held = await instance.AdmitAsync();
        using var left = new CancellationTokenSource();
        var waiting = instance.Gate.AdmitAsync("f", "r", Timeout.InfiniteTimeSpan, left.Token).AsTask();
        await Until.TrueAsync(() => instance.Admission.Queued == 1, "did not queue up");
        await left.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(_patience));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => instance.Gate.AdmitAsync("f", "r", Timeout.InfiniteTimeSpan, left.Token).AsTask());
        Assert.Equal(0, instance.Admission.Queued);
        instance.Gate.End(held, Outcome.Completed);
        await instance.SettledAsync();
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), instance.Ledger.Snapshot());
    }

    [Fact]
    public async Task SilosComeAndGoUnderLoad_NothingFails_EverythingIsCountedOnce()
    {
        // With the product's own patience: a stopping silo may swallow what was sent to it.
        await using var instance = new TestInstance(patience: GrainGate.Patience) { Expected = [TestInstance.NowhereToGo] };
        using var stop = new CancellationTokenSource();
        long ended = 0;
        var callers = Enumerable.Range(0, 8).Select(c => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                var admitted = await instance.AdmitAsync("f" + (c % 3));
                await Task.Yield();
                instance.Gate.End(admitted, Outcome.Completed);
                Interlocked.Increment(ref ended);
            }
        })).ToArray();
        for (var i = 0; i < 3; i++)
        {
            var direct = instance.Metrics.BypassedFor(BypassReason.Closed);
            await Until.TrueAsync(() => instance.Metrics.BypassedFor(BypassReason.Closed) > direct, "nobody went past a closed silo");
            await instance.StartSiloAsync();
            await Until.TrueAsync(
                () => instance.Ledger.Snapshot().Accepted - instance.Metrics.Bypassed > 500 * (i + 1), "nobody went by the grains");
            await instance.StopSiloAsync();
        }

        await stop.CancelAsync();
        await Task.WhenAll(callers).WaitAsync(_patience);
        await instance.SettledAsync();
        var ledger = instance.Ledger.Snapshot();
        Assert.Equal((ended, ended, 0L, 0), (ledger.Accepted, ledger.Completed, ledger.Drift, ledger.InFlight));
    }

    [Fact]
    public async Task SiloStoppedWithoutAWord_InvocationsGoOn()
    {
        // The switch says open, and the silo is gone.
        await using var instance = new TestInstance(patience: GrainGate.Patience) { Expected = [TestInstance.NowhereToGo] };
        await instance.StartSiloAsync();
        instance.Gate.End(await instance.AdmitAsync(), Outcome.Completed);
        await instance.SettledAsync();
        var gone = instance.Grains;
        await instance.StopSiloAsync();
        instance.Switch.Open(gone);
        var before = instance.Metrics.Bypassed;
        for (var i = 0; i < 20; i++)
        {
            instance.Gate.End(await instance.AdmitAsync().WaitAsync(_patience), Outcome.Completed);
        }

        await instance.SettledAsync();
        Assert.Equal(before + 20, instance.Metrics.Bypassed);
        Assert.Equal(new LedgerSnapshot(21, 21, 0, 0, 0, 0), instance.Ledger.Snapshot());
    }
}
