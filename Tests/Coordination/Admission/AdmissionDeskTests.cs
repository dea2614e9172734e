using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using Outcome = NoslateFleet.Coordination.Invocations.Outcome;

namespace NoslateFleet.Tests.Coordination.Admission;

/// <summary>Tickets by their ids, over ways that lose, double and delay.</summary>
public sealed class AdmissionDeskTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);
    private readonly AdmissionUnderTest _under = new(slots: 2, queue: 2);
    private readonly AdmissionDesk _desk;

    public AdmissionDeskTests() => _desk = new AdmissionDesk(_under.Admission, new Random(1), _under.Clock);

    [Fact]
    public void AskedTwice_CountsOnce()
    {
        var id = Begin(out var passage);
        Assert.Equal(AdmissionDecision.Accepted, _desk.Admit(id));
        Assert.Equal(AdmissionDecision.Accepted, _desk.Admit(id));
        Assert.Equal(1, _under.Ledger.InFlight);
        Assert.True(_desk.Complete(id, Outcome.Completed));
        Assert.False(_desk.Complete(id, Outcome.Failed));
        passage.Over();
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), _under.Ledger.Snapshot());
    }

    [Fact]
    public void AskedAfterItWasGivenUp_OpensNothing()
    {
        var id = Begin(out var passage);
        passage.Over();
        Assert.Equal(AdmissionDecision.Unknown, _desk.Admit(id));
        Assert.False(_desk.Complete(id, Outcome.Completed));

        // The same passage under way again, for somebody else.
        var next = passage.Begin("f", "r", Timeout.InfiniteTimeSpan);
        Assert.NotEqual(id, next);
        Assert.Equal(AdmissionDecision.Unknown, _desk.Admit(id));
        Assert.Equal(AdmissionDecision.Unknown, passage.Decision);
        passage.Over();
        Assert.Equal(new LedgerSnapshot(0, 0, 0, 0, 0, 0), _under.Ledger.Snapshot());
    }

    [Fact]
    public void IdOfAnotherDesk_IsUnknown()
    {
        var id = Begin(out _);
        Assert.Equal(AdmissionDecision.Unknown, _desk.Admit(id with { Desk = id.Desk + 1 }));
        Assert.Equal(AdmissionDecision.Unknown, _desk.Admit(new TicketId(_desk.Id, long.MaxValue)));
        Assert.Equal(AdmissionDecision.Unknown, _desk.Admit(new TicketId(_desk.Id, -1)));
        Assert.False(_desk.Complete(new TicketId(_desk.Id, 12345), Outcome.Completed));
        Assert.Equal(0, _under.Ledger.InFlight);
    }

    [Fact]
    public void OverWithAnOpenTicket_ClosesItAsFailed()
    {
        var id = Begin(out var passage);
        Assert.Equal(AdmissionDecision.Accepted, _desk.Admit(id));
        passage.Over();
        Assert.Equal(new LedgerSnapshot(1, 0, 1, 0, 0, 0), _under.Ledger.Snapshot());
    }

    [Fact]
    public void BegunTwice_IsAnError()
    {
        Begin(out var passage);
        Assert.Throws<InvalidOperationException>(() => passage.Begin("f", "r", Timeout.InfiniteTimeSpan));
        Assert.Throws<InvalidOperationException>(() => passage.Result);
    }

    [Fact]
    public async Task Queued_IsServedWhenASlotIsFree_AndCompletesByItsId()
    {
        var first = _under.Admit();
        var second = _under.Admit();
        var id = Begin(out var passage);
        Assert.Equal(AdmissionDecision.Queued, _desk.Admit(id));
        Assert.Equal(AdmissionDecision.Queued, _desk.Admit(id));
        Assert.Equal(1, _under.Admission.Queued);
        Assert.False(_desk.Complete(id, Outcome.Completed));
        var waiting = passage.WaitAsync(CancellationToken.None);
        Assert.False(waiting.IsCompleted);
        Assert.True(first.TryEnd(Outcome.Completed));
        Assert.True((await waiting.WaitAsync(_patience)).Accepted);
        Assert.True(_desk.Complete(id, Outcome.Completed));
        passage.Over();
        Assert.True(second.TryEnd(Outcome.Completed));
        Assert.Equal(new LedgerSnapshot(3, 3, 0, 0, 0, 0), _under.Ledger.Snapshot());
    }

    [Fact]
    public async Task Queued_ThenGivenUp_LeavesTheLine()
    {
        _under.Admit();
        _under.Admit();
        var id = Begin(out var passage);
        Assert.Equal(AdmissionDecision.Queued, _desk.Admit(id));
        using var cancel = new CancellationTokenSource();
        var waiting = passage.WaitAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(_patience));
        Assert.Equal(0, _under.Admission.Queued);
        Assert.NotEqual(AdmissionDecision.Unknown, _desk.Admit(id));
        Assert.Equal(0, _under.Admission.Queued);
        passage.Over();
        Assert.Equal(AdmissionDecision.Unknown, _desk.Admit(id));
    }

    [Fact]
    public async Task Queued_ItsDeadlineCountsFromWhenItWasBegun()
    {
        _under.Admit();
        _under.Admit();
        var id = Begin(out var passage, TimeSpan.FromSeconds(10));
        _under.Clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(AdmissionDecision.Queued, _desk.Admit(id));
        _under.Clock.Advance(TimeSpan.FromSeconds(4));
        var waiting = passage.WaitAsync(CancellationToken.None);
        Assert.False(waiting.IsCompleted);
        _under.Clock.Advance(TimeSpan.FromSeconds(2.1));
        var result = await waiting.WaitAsync(_patience);
        Assert.Equal(RefusalReason.DeadlineUnreachable, result.Reason);
    }

    [Fact]
    public void AskedAfterItsDeadline_IsRefused()
    {
        var id = Begin(out var passage, TimeSpan.FromSeconds(1));
        _under.Clock.Advance(TimeSpan.FromSeconds(1.1));
        Assert.Equal(AdmissionDecision.Refused, _desk.Admit(id));
        Assert.Equal(RefusalReason.DeadlineUnreachable, passage.Result.Reason);
        Assert.Equal(1, _under.Admission.Refused(RefusalReason.DeadlineUnreachable));
        Assert.Equal(AdmissionDecision.Refused, _desk.Admit(id));
        Assert.Equal(1, _under.Admission.Refused(RefusalReason.DeadlineUnreachable));
    }

    [Fact]
    public void Completed_IsToldEachTime_WithTheId()
    {
        var told = new List<TicketId>();
        var passage = _desk.NewPassage(told.Add)!;
        var id = passage.Begin("f", "r", Timeout.InfiniteTimeSpan);
        Assert.False(_desk.Complete(id, Outcome.Completed));
        Assert.Empty(told);
        _desk.Admit(id);
        _desk.Complete(id, Outcome.Completed);
        _desk.Complete(id, Outcome.Completed);
        Assert.Equal([id, id], told);
        passage.Over();
        _desk.Complete(id, Outcome.Completed);
        Assert.Equal(2, told.Count);
    }

    /// <summary>Asks, ends, doubles, late messages and give-ups in any order, over few passages, so that ids of earlier lives meet new ones.</summary>
    [Fact]
    public void AnyOrderOfMessages_EveryIdCountsAtMostOnce_AndNoneStaysOpen() =>
        Prop.ForAll(Gen.Choose(0, 999_999).ArrayOf().Resize(300).ToArbitrary(), static steps => new Run().Go(steps))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(200).WithStartSize(100).WithEndSize(300));

    [Fact]
    public async Task RealThreads_TheSameIdsByTwoWays_EveryTicketIsCountedOnce()
    {
        var ledger = new InvocationLedger(TimeProvider.System);
        var admission = new AdmissionController(
            ledger, new AdmissionOptions { MaxConcurrent = 3, MaxQueued = 4 }, TimeProvider.System);
        var desk = new AdmissionDesk(admission, new Random(2), TimeProvider.System);
        long accepted = 0;
        var late = new System.Collections.Concurrent.ConcurrentQueue<TicketId>();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(w => Task.Run(async () =>
        {
            var random = new Random(w);
            var passage = desk.NewPassage(null)!;
            for (var i = 0; i < 2000; i++)
            {
                var id = passage.Begin("f", "r", Timeout.InfiniteTimeSpan);
                late.Enqueue(id);
                var other = Task.Run(() => desk.Admit(id));
                var decision = random.Next(2) == 0 ? desk.Admit(id) : await other;
                var taken = decision == AdmissionDecision.Queued
                    ? (await passage.WaitAsync(CancellationToken.None)).Accepted
                    : decision == AdmissionDecision.Accepted;
                if (taken)
                {
                    Interlocked.Increment(ref accepted);
                    var end = Task.Run(() => desk.Complete(id, Outcome.Completed));
                    desk.Complete(id, Outcome.Completed);
                    await end;
                }

                passage.Over();
                await other;
                if (random.Next(4) == 0 && late.TryDequeue(out var old))
                {
                    // It may be under way still, with another worker: then it is decided about once all the same.
                    desk.Admit(old);
                }
            }
        }))).WaitAsync(TimeSpan.FromSeconds(60));
        var last = ledger.Snapshot();
        Assert.Equal((0, 0L), (last.InFlight, last.Drift));
        Assert.Equal(accepted, last.Accepted);
        Assert.Equal(0, admission.Queued);
    }

    private TicketId Begin(out Passage passage, TimeSpan? timeLeft = null)
    {
        passage = _desk.NewPassage(null)!;
        return passage.Begin("f", "r", timeLeft ?? Timeout.InfiniteTimeSpan);
    }

    private sealed class Run
    {
        private readonly AdmissionUnderTest _under = new(slots: 2, queue: 2);
        private readonly AdmissionDesk _desk;
        private readonly Slot[] _slots;
        private readonly List<TicketId> _sent = [];
        private int _accepted;

        public Run()
        {
            _desk = new AdmissionDesk(_under.Admission, new Random(3), _under.Clock);
            _slots = [.. Enumerable.Range(0, 4).Select(_ => new Slot(_desk.NewPassage(null)!))];
        }

        public void Go(int[] steps)
        {
            foreach (var step in steps)
            {
                Step(step % 10, step / 10);
                Check();
            }

            foreach (var slot in _slots)
            {
                GiveUp(slot);
            }

            // All messages once more, after everybody has gone.
            foreach (var id in _sent)
            {
                Assert.Equal(AdmissionDecision.Unknown, _desk.Admit(id));
                Assert.False(_desk.Complete(id, Outcome.Completed));
            }

            Check();
            Assert.Equal(0, _under.Ledger.InFlight);
            Assert.Equal(0, _under.Admission.Queued);
        }

        private void Step(int kind, int choice)
        {
            var slot = _slots[choice % _slots.Length];
            switch (kind)
            {
                case < 3:
                    if (slot.Id is null)
                    {
                        slot.Id = slot.Passage.Begin("f", "r", Timeout.InfiniteTimeSpan);
                        _sent.Add(slot.Id.Value);
                    }

                    break;
                case < 6:
                    Arrives(_sent.Count == 0 ? null : _sent[choice % _sent.Count]);
                    break;
                case 6 or 7:
                    Ends(_sent.Count == 0 ? null : _sent[choice % _sent.Count], (Outcome)(choice / 7 % 4));
                    break;
                case 8:
                    GiveUp(slot);
                    break;
                default:
                    _under.Ledger.AbandonAll();
                    Settle();
                    foreach (var open in _slots)
                    {
                        open.Open = false;
                    }

                    Settle();
                    break;
            }
        }

        private void Arrives(TicketId? id)
        {
            if (id is null)
            {
                return;
            }

            var decision = _desk.Admit(id.Value);
            var slot = Array.Find(_slots, s => s.Id == id);
            if (slot is null)
            {
                Assert.Equal(AdmissionDecision.Unknown, decision);
                return;
            }

            Assert.NotEqual(AdmissionDecision.Unknown, decision);
            if (slot.Seen)
            {
                return;
            }

            slot.Seen = true;
            if (decision == AdmissionDecision.Accepted)
            {
                slot.Open = true;
                _accepted++;
            }
            else if (decision == AdmissionDecision.Queued)
            {
                slot.Waiting = slot.Passage.WaitAsync(slot.Cancel.Token);
            }
        }

        private void Ends(TicketId? id, Outcome outcome)
        {
            if (id is null)
            {
                return;
            }

            var closed = _desk.Complete(id.Value, outcome);
            var slot = Array.Find(_slots, s => s.Id == id);
            Assert.Equal(slot?.Open ?? false, closed);
            if (closed)
            {
                slot!.Open = false;
            }

            Settle();
        }

        private void GiveUp(Slot slot)
        {
            if (slot.Id is null)
            {
                return;
            }

            if (slot.Waiting is { } waiting)
            {
                slot.Cancel.Cancel();
                Assert.True(((IAsyncResult)waiting).AsyncWaitHandle.WaitOne(_patience));
            }

            slot.Passage.Over();
            slot.Reset();
            Settle();
        }

        /// <summary>Those served since: as many as there is room for, in their order.</summary>
        private void Settle()
        {
            var open = _slots.Count(static s => s.Open);
            var waiting = _slots.Count(static s => s.Waiting is not null);
            for (var due = Math.Min(waiting, 2 - open); due > 0; due--)
            {
                Assert.True(Task.WaitAny([.. _slots.Where(static s => s.Waiting is not null).Select(static s => s.Waiting!)], _patience) >= 0);
                var served = Array.Find(_slots, static s => s.Waiting is { IsCompleted: true })!;
                Assert.True(served.Waiting!.Result.Accepted);
                served.Waiting = null;
                served.Open = true;
                _accepted++;
            }
        }

        private void Check()
        {
            var snapshot = _under.Ledger.Snapshot();
            Assert.Equal(0, snapshot.Drift);
            Assert.Equal(_accepted, snapshot.Accepted);
            Assert.Equal(_slots.Count(static s => s.Open), snapshot.InFlight);
            Assert.Equal(_slots.Count(static s => s.Waiting is not null), _under.Admission.Queued);
        }

        private sealed class Slot(Passage passage)
        {
            public Passage Passage { get; } = passage;

            public TicketId? Id { get; set; }

            public bool Seen { get; set; }

            public bool Open { get; set; }

            public Task<AdmissionResult>? Waiting { get; set; }

            public CancellationTokenSource Cancel { get; private set; } = new();

            public void Reset()
            {
                Id = null;
                Seen = false;
                Open = false;
                Waiting = null;
                Cancel = new CancellationTokenSource();
            }
        }
    }
}
