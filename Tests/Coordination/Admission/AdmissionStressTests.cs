using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Tests.Coordination.Admission;

/// <summary>Real threads, all at once.</summary>
public sealed class AdmissionStressTests
{
    private const int Slots = 6;
    private const int PerFunction = 3;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(0, false)]
    [InlineData(PerFunction, false)]
    [InlineData(PerFunction, true)]
    public async Task EverythingAtOnce_EveryTicketEndsOnce_EverySnapshotIsConserved(int perFunction, bool abandoning)
    {
        var ledger = new InvocationLedger(TimeProvider.System, 4);
        var options = new AdmissionOptions { MaxConcurrent = Slots, MaxConcurrentPerFunction = perFunction, MaxQueued = 8 };
        var admission = new AdmissionController(ledger, options, TimeProvider.System);
        long admitted = 0;
        long ended = 0;
        long abandoned = 0;
        var over = false;
        var workers = Enumerable.Range(0, 12).Select(w => Task.Run(async () =>
        {
            var random = new Random(w);
            for (var i = 0; i < 1500; i++)
            {
                using var cancel = random.Next(8) == 0 ? new CancellationTokenSource() : null;
                var timeLeft = random.Next(8) == 0 ? TimeSpan.FromMilliseconds(1) : Timeout.InfiniteTimeSpan;
                var asked = admission.AdmitAsync("f" + random.Next(3), "r", timeLeft, cancel?.Token ?? default);
                cancel?.Cancel();
                AdmissionResult result;
                try
                {
                    result = await asked;
                }
                catch (OperationCanceledException)
                {
                    continue;
                }

                if (!result.Accepted)
                {
                    continue;
                }

                Interlocked.Increment(ref admitted);
                if (random.Next(2) == 0)
                {
                    await Task.Yield();
                }

                // Two ends of the same ticket, from two threads at times.
                var other = random.Next(4) == 0 ? Task.Run(() => result.Ticket.TryEnd(Outcome.Cancelled)) : null;
                Interlocked.Add(ref ended, result.Ticket.TryEnd(Outcome.Completed) ? 1 : 0);
                Interlocked.Add(ref ended, other is not null && await other ? 1 : 0);
            }
        })).ToArray();
        var watcher = Task.Run(() =>
        {
            var looks = 0;
            while (!Volatile.Read(ref over))
            {
                var snapshot = ledger.Snapshot();
                Assert.Equal(0, snapshot.Drift);
                Assert.InRange(snapshot.InFlight, 0, Slots);
                foreach (var function in ledger.ListFunctions())
                {
                    Assert.Equal(0, function.Drift);
                    Assert.InRange(function.InFlight, 0, perFunction == 0 ? Slots : perFunction);
                }

                if (abandoning && ++looks % 16 == 0)
                {
                    Interlocked.Add(ref abandoned, ledger.AbandonAll());
                }

                Thread.Yield();
            }
        });
        await Task.WhenAll(workers).WaitAsync(_patience);
        Volatile.Write(ref over, true);
        await watcher;
        var last = ledger.Snapshot();
        Assert.Equal((0, 0, 0L), (last.InFlight, ledger.InFlight, last.Drift));
        Assert.Equal(0, admission.Queued);
        Assert.Equal(admitted, last.Accepted);
        Assert.Equal(admitted, ended + abandoned);
        Assert.Equal(abandoned, last.Abandoned);
        Assert.True(admitted > 0);
    }

    [Fact]
    public async Task SlotsFreedByManyThreads_WhileManyWait_NobodyIsForgotten()
    {
        var ledger = new InvocationLedger(TimeProvider.System, 4);
        var admission = new AdmissionController(
            ledger, new AdmissionOptions { MaxConcurrent = 2, MaxConcurrentPerFunction = 1, MaxQueued = 1000 }, TimeProvider.System);
        var running = 0;
        var most = 0;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(w => Task.Run(async () =>
        {
            for (var i = 0; i < 1000; i++)
            {
                var result = await admission.AdmitAsync("f" + ((w + i) % 3), "r", Timeout.InfiniteTimeSpan, CancellationToken.None);
                Assert.True(result.Accepted);
                var now = Interlocked.Increment(ref running);
                Assert.InRange(now, 1, 2);
                most = Math.Max(most, now);
                Interlocked.Decrement(ref running);
                Assert.True(result.Ticket.TryEnd(Outcome.Completed));
            }
        }))).WaitAsync(_patience);
        Assert.Equal(new LedgerSnapshot(16_000, 16_000, 0, 0, 0, 0), ledger.Snapshot());
    }

    [Fact]
    public async Task Close_OnceItReturns_NothingIsAcceptedAnyMore_ByNoThread()
    {
        var ledger = new InvocationLedger(TimeProvider.System, 4);
        var admission = new AdmissionController(ledger, new AdmissionOptions { MaxConcurrent = 2, MaxQueued = 4 }, TimeProvider.System);
        var over = false;
        var workers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            while (!Volatile.Read(ref over))
            {
                var result = await admission.AdmitAsync("f", "r", Timeout.InfiniteTimeSpan, CancellationToken.None);
                if (result.Accepted)
                {
                    result.Ticket.TryEnd(Outcome.Completed);
                }
                else
                {
                    Thread.Yield();
                }
            }
        })).ToArray();
        for (var round = 0; round < 60; round++)
        {
            admission.Close(RefusalReason.Draining);
            var accepted = ledger.Snapshot().Accepted;
            Assert.Equal(0, admission.Queued);
            Thread.Yield();
            await ledger.WhenIdleAsync(CancellationToken.None).WaitAsync(_patience);
            Assert.Equal(accepted, ledger.Snapshot().Accepted);
            Assert.Equal(0, ledger.Snapshot().InFlight);
            admission.Open();
            Assert.True(SpinWait.SpinUntil(() => ledger.Snapshot().Accepted > accepted, _patience), "nothing was accepted");
        }

        Volatile.Write(ref over, true);
        await Task.WhenAll(workers).WaitAsync(_patience);
    }
}
