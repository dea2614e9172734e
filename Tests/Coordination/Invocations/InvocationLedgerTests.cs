using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Coordination.Invocations;
using Outcome = NoslateFleet.Coordination.Invocations.Outcome;

namespace NoslateFleet.Tests.Coordination.Invocations;

public sealed class InvocationLedgerTests
{
    private readonly InvocationLedger _ledger = new(TimeProvider.System);

    [Fact]
    public void Ticket_EndsOnce_SecondEndChangesNothing()
    {
        var ticket = _ledger.Accept("f", "r");
        Assert.True(ticket.TryEnd(Outcome.Completed));
        Assert.False(ticket.TryEnd(Outcome.Failed));
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), _ledger.Snapshot());
    }

    [Fact]
    public void Ticket_KeptPastItsEnd_CannotEndTheNextOne()
    {
        var old = _ledger.Accept("f", "1");
        old.TryEnd(Outcome.Completed);
        var next = _ledger.Accept("f", "2");
        Assert.False(old.TryEnd(Outcome.Abandoned));
        Assert.Equal(1, _ledger.Snapshot().InFlight);
        Assert.True(next.TryEnd(Outcome.Cancelled));
        Assert.Equal(new LedgerSnapshot(2, 1, 0, 1, 0, 0), _ledger.Snapshot());
    }

    [Fact]
    public void Ticket_Default_EndsNothing() => Assert.False(default(Ticket).TryEnd(Outcome.Completed));

    [Fact]
    public void ListOpen_ShowsWhatIsInFlight_OldestFirst()
    {
        _ledger.Accept("f", "1");
        var second = _ledger.Accept("g", "2");
        _ledger.Accept("h", "3");
        second.TryEnd(Outcome.Completed);
        Assert.Equal(["1", "3"], _ledger.ListOpen().Select(o => o.RequestId));
    }

    [Fact]
    public void RandomOperations_MatchAPlainModel() =>
        Prop.ForAll(ArbMap.Default.ArbFor<int[]>(), steps =>
        {
            var ledger = new InvocationLedger(TimeProvider.System);
            var all = new List<Ticket>();
            var ended = new HashSet<int>();
            var counts = new long[4];
            foreach (var step in steps)
            {
                if (all.Count == 0 || step % 3 == 0)
                {
                    all.Add(ledger.Accept("f", "r"));
                    continue;
                }

                var index = (int)((uint)step % (uint)all.Count);
                var outcome = (Outcome)((uint)step % 4);
                var first = ended.Add(index);
                if (all[index].TryEnd(outcome) != first)
                {
                    return false;
                }

                counts[(int)outcome] += first ? 1 : 0;
            }

            var snapshot = ledger.Snapshot();
            return snapshot == new LedgerSnapshot(all.Count, counts[0], counts[1], counts[2], counts[3], all.Count - ended.Count) && snapshot.Drift == 0;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public async Task ConcurrentEnds_OfTheSameTicket_ExactlyOneWins_AndEverySnapshotIsConserved()
    {
        const int Tickets = 20_000;
        using var done = new CancellationTokenSource();
        var watcher = Task.Run(() =>
        {
            var looks = 0;
            do
            {
                Assert.Equal(0, _ledger.Snapshot().Drift);
                looks++;
            }
            while (!done.IsCancellationRequested);
            return looks;
        });
        long wins = 0;
        await Parallel.ForAsync(0, Tickets, (_, _) =>
        {
            var ticket = _ledger.Accept("f", "r");
            Parallel.Invoke(
                () => Interlocked.Add(ref wins, ticket.TryEnd(Outcome.Completed) ? 1 : 0),
                () => Interlocked.Add(ref wins, ticket.TryEnd(Outcome.Cancelled) ? 1 : 0));
            return ValueTask.CompletedTask;
        });
        await done.CancelAsync();
        Assert.True(await watcher > 0);
        var snapshot = _ledger.Snapshot();
        Assert.Equal(Tickets, wins);
        Assert.Equal(Tickets, snapshot.Completed + snapshot.Cancelled);
        Assert.Equal((0, 0L), (snapshot.InFlight, snapshot.Drift));
    }
}
