using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Invocations;

public sealed class LedgerLifeTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);
    private readonly ManualTimeProvider _clock = new();
    private readonly InvocationLedger _ledger;

    public LedgerLifeTests() => _ledger = new InvocationLedger(_clock, 4);

    [Fact]
    public void Ticket_BearsTheEpochItWasAcceptedIn()
    {
        _ledger.Epoch = 7;
        var old = _ledger.Accept("f", "1");
        _ledger.Epoch = 8;
        var present = _ledger.Accept("f", "2");
        Assert.Equal((7, 8), (old.Epoch, present.Epoch));
        Assert.Equal([7, 8], _ledger.ListOpen().Select(o => o.Epoch).Order());
        Assert.Equal((2, 1), (_ledger.Snapshot().InFlight, _ledger.Snapshot().InFlightOfOlderEpochs));

        // Ending is never fenced.
        Assert.True(old.TryEnd(Outcome.Completed));
        Assert.Equal(new LedgerSnapshot(2, 1, 0, 0, 0, 1, 0), _ledger.Snapshot());
    }

    [Fact]
    public void Epoch_CannotGoBack()
    {
        _ledger.Epoch = 3;
        _ledger.Epoch = 3;
        Assert.Throws<ArgumentOutOfRangeException>(() => _ledger.Epoch = 2);
        Assert.Equal(3, _ledger.Epoch);
    }

    [Fact]
    public void Epoch_SetWhileOthersAccept_NoTicketOfTheOldOneComesAfterwards()
    {
        var ledger = new InvocationLedger(TimeProvider.System, 4);
        using var start = new Barrier(3);
        var stop = false;
        var late = 0;
        var threads = Enumerable.Range(0, 2).Select(_ =>
        {
            var thread = new Thread(() =>
            {
                start.SignalAndWait();
                while (!Volatile.Read(ref stop))
                {
                    var epoch = ledger.Epoch;
                    var ticket = ledger.Accept("f", "r");
                    if (ticket.Epoch < epoch)
                    {
                        Interlocked.Increment(ref late);
                    }

                    ticket.TryEnd(Outcome.Completed);
                }
            });
            thread.Start();
            return thread;
        }).ToArray();
        start.SignalAndWait();
        for (var i = 1; i < 3000; i++)
        {
            ledger.Epoch = i;
        }

        Volatile.Write(ref stop, true);
        Array.ForEach(threads, t => t.Join());
        Assert.Equal(0, late);
    }

    [Fact]
    public void UnknownOutcome_Throws_AndTheTicketStaysOpen()
    {
        var ticket = _ledger.Accept("f", "r");
        Assert.Throws<ArgumentOutOfRangeException>(() => ticket.TryEnd((Outcome)4));
        Assert.Equal(1, _ledger.Snapshot().InFlight);
        Assert.True(ticket.TryEnd(Outcome.Failed));
    }

    [Fact]
    public void AbandonAll_EndsWhatIsOpen_AndNothingElse()
    {
        var tickets = Enumerable.Range(0, 50).Select(i => _ledger.Accept("f" + (i % 3), "r")).ToArray();
        tickets[7].TryEnd(Outcome.Completed);
        Assert.Equal(49, _ledger.AbandonAll());
        Assert.Equal(0, _ledger.AbandonAll());
        Assert.All(tickets, t => Assert.False(t.TryEnd(Outcome.Completed)));
        Assert.Equal(new LedgerSnapshot(50, 1, 0, 0, 49, 0), _ledger.Snapshot());
        Assert.Empty(_ledger.ListOpen());
        Assert.Equal(49, _ledger.ListFunctions().Sum(f => f.Abandoned));
    }

    [Fact]
    public async Task WhenIdle_NothingOpen_IsCompleted() => await _ledger.WhenIdleAsync(CancellationToken.None).WaitAsync(_patience);

    [Fact]
    public async Task WhenIdle_CompletesWithTheLastEnd()
    {
        var first = _ledger.Accept("f", "1");
        var second = _ledger.Accept("f", "2");
        var idle = new[] { _ledger.WhenIdleAsync(CancellationToken.None), _ledger.WhenIdleAsync(CancellationToken.None) };
        first.TryEnd(Outcome.Completed);
        Assert.All(idle, i => Assert.False(i.IsCompleted));
        second.TryEnd(Outcome.Completed);
        await Task.WhenAll(idle).WaitAsync(_patience);
        var again = _ledger.Accept("f", "3");
        var later = _ledger.WhenIdleAsync(CancellationToken.None);
        Assert.False(later.IsCompleted);
        Assert.Equal(1, _ledger.AbandonAll());
        await later.WaitAsync(_patience);
        Assert.False(again.TryEnd(Outcome.Completed));
    }

    [Fact]
    public async Task WhenIdle_AskedForAfterTheLastEnd_WithANewTicketOpen_Waits()
    {
        Task? idle = null;
        var second = default(Ticket);
        var first = _ledger.Accept("f", "1");
        _ledger.Observer = new Acting(() =>
        {
            if (idle is null)
            {
                second = _ledger.Accept("f", "2");
                idle = _ledger.WhenIdleAsync(CancellationToken.None);
            }
        });
        first.TryEnd(Outcome.Completed);
        Assert.False(idle!.IsCompleted);
        second.TryEnd(Outcome.Completed);
        await idle.WaitAsync(_patience);
    }

    [Fact]
    public async Task WhenIdle_Cancelled_OthersWaitOn()
    {
        var ticket = _ledger.Accept("f", "1");
        using var cancel = new CancellationTokenSource();
        var mine = _ledger.WhenIdleAsync(cancel.Token);
        var others = _ledger.WhenIdleAsync(CancellationToken.None);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => mine);
        Assert.False(others.IsCompleted);
        ticket.TryEnd(Outcome.Completed);
        await others.WaitAsync(_patience);
    }

    [Fact]
    public async Task WhenIdle_RacingWithTheLastEnd_AlwaysCompletes()
    {
        var ledger = new InvocationLedger(TimeProvider.System, 4);
        using var both = new Barrier(2);
        const int Rounds = 1500;
        var ticket = default(Ticket);
        var ender = new Thread(() =>
        {
            for (var i = 0; i < Rounds; i++)
            {
                both.SignalAndWait();
                ticket.TryEnd(Outcome.Completed);
                both.SignalAndWait();
            }
        });
        var waits = new List<Task>(Rounds);
        ender.Start();
        for (var i = 0; i < Rounds; i++)
        {
            ticket = ledger.Accept("f", "r");
            both.SignalAndWait();
            waits.Add(ledger.WhenIdleAsync(CancellationToken.None));
            both.SignalAndWait();
        }

        ender.Join();
        await Task.WhenAll(waits).WaitAsync(_patience);
    }

    [Fact]
    public void Observer_IsToldOfBothEdges_AndOfNothingBetween()
    {
        var told = new Telling(_ledger);
        _ledger.Observer = told;
        var first = _ledger.Accept("f", "1");
        var second = _ledger.Accept("f", "2");
        first.TryEnd(Outcome.Completed);
        first.TryEnd(Outcome.Completed);
        second.TryEnd(Outcome.Failed);
        _ledger.Accept("f", "3");
        _ledger.Accept("f", "4");
        _ledger.AbandonAll();
        Assert.Equal(["busy 1", "idle 0", "busy 1", "idle 0"], told.Calls);
    }

    [Fact]
    public void Observer_WhoReadsEachTime_EndsWithTheTruth_WhateverRaces()
    {
        var ledger = new InvocationLedger(TimeProvider.System, 4);
        for (var round = 0; round < 200; round++)
        {
            var reader = new Reading(ledger);
            ledger.Observer = reader;
            var kept = round % 2 == 0 ? default : ledger.Accept("kept", "r");
            Parallel.For(0, 4, _ =>
            {
                for (var i = 0; i < 50; i++)
                {
                    ledger.Accept("f", "r").TryEnd(Outcome.Completed);
                }
            });
            Assert.Equal(ledger.InFlight > 0, reader.Active);
            kept.TryEnd(Outcome.Completed);
            Assert.False(reader.Active);
        }
    }

    [Fact]
    public void ListFunctions_CountsEachByName()
    {
        _ledger.Accept("b", "1").TryEnd(Outcome.Failed);
        var a = _ledger.Accept("a", "2");
        _clock.Advance(TimeSpan.FromSeconds(2));
        a.TryEnd(Outcome.Completed);
        _ledger.Accept("a", "3").TryEnd(Outcome.Cancelled);
        _ledger.Accept("a", "4");
        var listed = _ledger.ListFunctions();
        Assert.Equal(["a", "b"], listed.Select(f => f.Name));
        var mean = listed[0].MeanServiceTime;
        Assert.Equal(new FunctionCounters("a", 3, 1, 0, 1, 0, 1, mean, 0, 0), listed[0]);
        Assert.Equal(1, mean!.Value.TotalSeconds, 3);
        Assert.Equal((1, 1L), (listed[1].Failed, listed[1].Accepted));
        Assert.Equal(1, _ledger.InFlightOf("a"));
        Assert.Equal(0, _ledger.InFlightOf("never heard of"));
    }

    [Fact]
    public void MeanServiceTime_ForgetsWhatIsOld()
    {
        Take(TimeSpan.FromSeconds(1));
        Take(TimeSpan.FromSeconds(3));
        Assert.Equal(2, Mean());
        _clock.Advance(TimeSpan.FromMinutes(1));

        // Nothing newer: the last known stands.
        Assert.Equal(2, Mean());
        Take(TimeSpan.FromSeconds(0.5));
        Assert.Equal(0.5, Mean());

        void Take(TimeSpan time)
        {
            var ticket = _ledger.Accept("f", "r");
            _clock.Advance(time);
            ticket.TryEnd(Outcome.Completed);
        }
    }

    [Fact]
    public void MeanServiceTime_LeavesOutTheAbandoned_AndWhatOutlivedAThaw()
    {
        var first = _ledger.Accept("f", "1");
        _clock.Advance(TimeSpan.FromSeconds(1));
        first.TryEnd(Outcome.Completed);
        _ledger.Accept("f", "2");
        var frozen = _ledger.Accept("f", "3");
        _clock.Advance(TimeSpan.FromHours(1));
        _ledger.Epoch++;
        frozen.TryEnd(Outcome.Completed);
        _ledger.AbandonAll();
        Assert.Equal(1, Mean());
    }

    [Fact]
    public void ColdStarts_AreCountedByTheTemperatureAtAcceptance()
    {
        foreach (var temperature in new FunctionTemperature?[]
            { null, FunctionTemperature.Cold, FunctionTemperature.Warming, FunctionTemperature.Warm, FunctionTemperature.Saturated })
        {
            _ledger.Functions.SetTemperature("f", temperature);
            _ledger.Accept("f", "r").TryEnd(Outcome.Completed);
        }

        var f = Assert.Single(_ledger.ListFunctions());
        Assert.Equal((5, 2L, 1L), (f.Accepted, f.ColdStarts, f.ColdStartsAvoided));
    }

    private double Mean() => Math.Round(_ledger.ListFunctions()[0].MeanServiceTime!.Value.TotalSeconds, 3);

    private sealed class Telling(InvocationLedger ledger) : IActivityObserver
    {
        public List<string> Calls { get; } = [];

        public void Busy() => Calls.Add("busy " + ledger.InFlight);

        public void Idle() => Calls.Add("idle " + ledger.InFlight);
    }

    private sealed class Acting(Action idle) : IActivityObserver
    {
        public void Busy()
        {
        }

        public void Idle() => idle();
    }

    private sealed class Reading(InvocationLedger ledger) : IActivityObserver
    {
        private readonly Lock _lock = new();

        public bool Active { get; private set; }

        public void Busy() => Read();

        public void Idle() => Read();

        private void Read()
        {
            lock (_lock)
            {
                Active = ledger.InFlight > 0;
            }
        }
    }
}
