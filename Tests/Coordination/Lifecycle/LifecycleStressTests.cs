using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using static NoslateFleet.Tests.Coordination.Lifecycle.InstanceUnderTest;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

/// <summary>All of it at once, on real threads and the real clock.</summary>
public sealed class LifecycleStressTests
{
    [Fact]
    public async Task RequestsFreezesStopsAndUndrains_AtOnce_LoseNothing_AndEndServing()
    {
        const int Clients = 4;
        const int Rounds = 200;
        using var it = new InstanceUnderTest(time: TimeProvider.System);
        Assert.Null(await it.InitializeAsync());
        using var over = new CancellationTokenSource();
        long accepted = 0;
        long won = 0;
        var refused = 0;
        var clients = Enumerable.Range(0, Clients).Select(n => Task.Run(async () =>
        {
            for (var i = 0; !over.IsCancellationRequested; i++)
            {
                if (!it.Life.TryPass())
                {
                    await it.Life.PassAsync(CancellationToken.None);
                }

                var result = await it.Admission.AdmitAsync("f", "r", Timeout.InfiniteTimeSpan, CancellationToken.None);
                if (result.Accepted)
                {
                    Interlocked.Increment(ref accepted);
                    if (i % 3 == 0)
                    {
                        await Task.Yield();
                    }

                    Interlocked.Add(ref won, result.Ticket.TryEnd((Outcome)(i % 3)) ? 1 : 0);
                    it.Life.Answered(result.Ticket.Epoch);
                }
                else
                {
                    Assert.True(result.Reason is RefusalReason.Draining or RefusalReason.Stopped, result.Reason.ToString());
                    Interlocked.Increment(ref refused);
                    await Task.Yield();
                }
            }
        })).ToArray();
        var watcher = Task.Run(async () =>
        {
            long epoch = 0;
            while (!over.IsCancellationRequested)
            {
                var state = it.Life.State;
                Assert.True(state.Epoch >= epoch);
                epoch = state.Epoch;
                Assert.Equal(0, it.Ledger.Snapshot().Drift);
                LawHolds(it.Life.StopSoFar());
                it.Life.Tick();
                await Task.Yield();
            }
        });
        var freezer = Task.Run(async () =>
        {
            for (var i = 0; i < Rounds; i++)
            {
                var receipt = await it.Life.FreezeAsync();
                LawHolds(receipt);
                Assert.True(receipt.CalledOff || receipt.Phase == InstancePhase.Frozen, receipt.ToString());
                Assert.Equal(Verdict.Clean, receipt.Verdict);
            }
        });
        var stopper = Task.Run(async () =>
        {
            for (var i = 0; i < Rounds; i++)
            {
                var stop = it.Life.StopAsync(i % 2 == 0 ? "signal" : "hook");
                if (i % 3 == 0)
                {
                    await stop;
                }

                Assert.True(it.Life.Undrain("operator"));
                var receipt = await stop;
                LawHolds(receipt);
                Assert.Equal(receipt.CalledOff, receipt.Phase != InstancePhase.Stopped);
                Assert.Equal((Verdict.Clean, 0), (receipt.Verdict, receipt.Abandoned));
            }
        });
        await Task.WhenAll(freezer, stopper).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal((false, false), (it.Life.IsRefusing, it.Life.IsLeaving));
        await over.CancelAsync();
        await Soon(Task.WhenAll([.. clients, watcher]));
        var request = await it.RequestAsync();
        Assert.True(request.Accepted);
        Assert.Equal(InstancePhase.Ready, it.Phase);
        Assert.True(request.Ticket.TryEnd(Outcome.Completed));
        var snapshot = it.Ledger.Snapshot();
        Assert.True(accepted > 0);
        Assert.Equal((accepted, accepted + 1, 0, 0L), (won, snapshot.Accepted, snapshot.InFlight, snapshot.Abandoned));
        Assert.Equal(it.Epoch, it.Ledger.Epoch);
        await Until.TrueAsync(() => it.Work.Count(nameof(IInstanceWork.Thawed)) == it.Epoch - 1, "not every thaw was told once");
    }

    [Fact]
    public async Task ForcedStops_AbandonWhatRuns_AndEachTicketEndsOnce()
    {
        const int Rounds = 50;
        const int Clients = 2;
        for (var round = 0; round < Rounds; round++)
        {
            using var it = new InstanceUnderTest(time: TimeProvider.System);
            Assert.Null(await it.InitializeAsync());
            long won = 0;
            var clients = Enumerable.Range(0, Clients).Select(_ => Task.Run(async () =>
            {
                var open = new List<Ticket>();
                while (true)
                {
                    var result = await it.Admission.AdmitAsync("f", "r", Timeout.InfiniteTimeSpan, CancellationToken.None);
                    if (!result.Accepted)
                    {
                        break;
                    }

                    open.Add(result.Ticket);
                    if (open.Count > 8)
                    {
                        Interlocked.Add(ref won, open[0].TryEnd(Outcome.Completed) ? 1 : 0);
                        open.RemoveAt(0);
                    }
                }

                foreach (var ticket in open)
                {
                    Interlocked.Add(ref won, ticket.TryEnd(Outcome.Completed) ? 1 : 0);
                }
            })).ToArray();
            var stop = it.Life.StopAsync("signal");
            it.Life.Force();
            var receipt = await Soon(stop);
            await Soon(Task.WhenAll(clients));
            LawHolds(receipt);
            Assert.Equal((InstancePhase.Stopped, Verdict.Forced, 0), (receipt.Phase, receipt.Verdict, receipt.InFlight));
            Assert.Equal((receipt.Accepted - receipt.Abandoned, receipt.Completed), (won, won));
            Assert.Equal(0, it.Ledger.Snapshot().Drift);
        }
    }
}
