using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Tests.Coordination.Admission;

public sealed class AdmissionTests
{
    [Fact]
    public void FreeSlot_IsGivenAtOnce_AndEnteredInTheLedger()
    {
        var t = new AdmissionUnderTest();
        var ticket = t.Admit();
        Assert.Equal(new LedgerSnapshot(1, 0, 0, 0, 0, 1), t.Ledger.Snapshot());
        Assert.True(ticket.TryEnd(Outcome.Completed));
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), t.Ledger.Snapshot());
        t.Admit();
    }

    [Fact]
    public async Task Refusals_AreCountedByFunction_WhateverTheirReason()
    {
        var t = new AdmissionUnderTest(queue: 2);
        t.Admission.SetFunctions(new HashSet<string>(["f", "g", "h"]));
        var open = t.Admit();
        var late = t.Queue("g", TimeSpan.FromSeconds(1));
        var waiting = t.Queue("h");
        Assert.False((await t.AskAsync("f")).Accepted);
        t.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(RefusalReason.DeadlineUnreachable, (await late).Reason);
        Assert.False((await t.AskAsync("unheard-of")).Accepted);
        t.Admission.Close(RefusalReason.Draining);
        Assert.False((await waiting).Accepted);
        Assert.False((await t.AskAsync("f")).Accepted);
        Assert.False((await t.AskAsync("unheard-of")).Accepted);

        Assert.Equal([("f", 2L), ("g", 1L), ("h", 1L)], t.Ledger.ListFunctions().Select(static f => (f.Name, f.Refused)));
        open.TryEnd(Outcome.Completed);
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), t.Ledger.Snapshot());
    }

    [Fact]
    public async Task RefusalsOfForgottenNames_GoWithTheirOtherNumbers()
    {
        var t = new AdmissionUnderTest(queue: 0);
        t.Admission.SetFunctions(Enumerable.Range(0, 300).Select(static i => $"f-{i:000}").ToHashSet());
        var open = t.Admit("f-000");
        for (var i = 1; i < 300; i++)
        {
            Assert.False((await t.AskAsync($"f-{i:000}")).Accepted);
        }

        t.Admission.SetFunctions(null);
        Assert.Equal(299, t.Ledger.ListFunctions().Sum(static f => f.Refused));
        open.TryEnd(Outcome.Completed);
    }

    [Fact]
    public async Task NoSlot_Queued_IsNotYetAccepted()
    {
        var t = new AdmissionUnderTest();
        var first = t.Admit();
        var second = t.Queue();
        Assert.Equal(1, t.Ledger.Snapshot().Accepted);
        first.TryEnd(Outcome.Failed);
        var ticket = await second.AcceptedAsync();
        Assert.Equal(0, t.Admission.Queued);
        Assert.Equal(new LedgerSnapshot(2, 0, 1, 0, 0, 1), t.Ledger.Snapshot());
        Assert.True(ticket.TryEnd(Outcome.Completed));
    }

    [Fact]
    public async Task Queue_IsServedInOrder_OnePerFreedSlot()
    {
        var t = new AdmissionUnderTest(slots: 2);
        var open = new Queue<Ticket>([t.Admit(), t.Admit()]);
        var waiting = Enumerable.Range(0, 5).Select(i => t.Queue(i % 2 == 0 ? "f" : "g")).ToArray();
        for (var i = 0; i < waiting.Length; i++)
        {
            open.Dequeue().TryEnd(Outcome.Completed);
            open.Enqueue(await waiting[i].AcceptedAsync());
            Assert.Equal(waiting.Length - i - 1, t.Admission.Queued);
            Assert.Equal(2, t.Ledger.InFlight);
        }
    }

    [Fact]
    public async Task SlotFreedWhileSomebodyWaits_GoesToWhoWaits_NotToANewcomer()
    {
        var t = new AdmissionUnderTest();
        var open = t.Admit();
        var waiting = t.Queue();
        open.TryEnd(Outcome.Completed);
        var newcomer = t.Queue();
        await waiting.AcceptedAsync();
        Assert.False(newcomer.IsCompleted);
    }

    [Fact]
    public async Task NewcomerBetweenTheEndAndTheHandingOn_QueuesBehind()
    {
        var t = new AdmissionUnderTest();
        var open = t.Admit();
        var waiting = t.Queue();
        Task<AdmissionResult>? newcomer = null;
        var handOn = t.Ledger.Freed!;
        t.Ledger.Freed = () =>
        {
            Assert.Equal(0, t.Ledger.InFlight);
            newcomer = t.AskAsync();
            handOn();
        };
        open.TryEnd(Outcome.Completed);
        await waiting.AcceptedAsync();
        Assert.False(newcomer!.IsCompleted);
        Assert.Equal(1, t.Admission.Queued);
    }

    [Fact]
    public async Task FunctionAtItsLimit_WaitsAlone_OthersPass()
    {
        var t = new AdmissionUnderTest(slots: 3, perFunction: 1);
        var f = t.Admit("f");
        var waiting = t.Queue("f");
        var g = t.Admit("g");
        var h = t.Admit("h");
        var i = t.Queue("i");

        // The slot that g frees is of no use to f, which came first.
        g.TryEnd(Outcome.Completed);
        await i.AcceptedAsync();
        Assert.False(waiting.IsCompleted);
        f.TryEnd(Outcome.Completed);
        await waiting.AcceptedAsync();
        h.TryEnd(Outcome.Completed);
        t.Admit("h");
    }

    [Fact]
    public async Task FunctionAtItsLimit_ItsNewcomers_QueueBehindIts()
    {
        var t = new AdmissionUnderTest(slots: 5, perFunction: 1);
        var f = t.Admit("f");
        var first = t.Queue("f");
        var second = t.Queue("f");
        f.TryEnd(Outcome.Completed);
        (await first.AcceptedAsync()).TryEnd(Outcome.Completed);
        (await second.AcceptedAsync()).TryEnd(Outcome.Completed);
        t.Admit("f");
    }

    [Fact]
    public void FunctionLimitAboveTheInstances_TheInstancesHolds()
    {
        var t = new AdmissionUnderTest(slots: 1, perFunction: 5, queue: 0);
        t.Admit("f");
        t.Refuse(RefusalReason.QueueFull, "f");
    }

    [Fact]
    public void QueueFull_Refused()
    {
        var t = new AdmissionUnderTest(queue: 2);
        t.Admit();
        _ = t.Queue();
        _ = t.Queue();
        var refused = t.Refuse(RefusalReason.QueueFull);
        Assert.Equal(TimeSpan.FromSeconds(1), refused.RetryAfter);
        Assert.Equal(1, t.Admission.Refused(RefusalReason.QueueFull));
    }

    [Fact]
    public void NoQueue_Refused()
    {
        var t = new AdmissionUnderTest(queue: 0);
        var ticket = t.Admit();
        t.Refuse(RefusalReason.QueueFull);
        ticket.TryEnd(Outcome.Completed);
        t.Admit();
    }

    [Fact]
    public async Task SlotsKeptAtHandByManyThreads_AreNeitherLostNorDoubled()
    {
        const int Slots = 200;
        var t = new AdmissionUnderTest(Slots, queue: 0);
        for (var round = 0; round < 20; round++)
        {
            // Each thread leaves what it frees where it is, and some gather more than they keep.
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    var mine = Enumerable.Range(0, Slots / 4).Select(_ => t.Admit()).ToArray();
                    Array.ForEach(mine, m => Assert.True(m.TryEnd(Outcome.Completed)));
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default)));
            var all = Enumerable.Range(0, Slots).Select(_ => t.Admit()).ToArray();
            t.Refuse(RefusalReason.QueueFull);
            Array.ForEach(all, a => Assert.True(a.TryEnd(Outcome.Completed)));
        }
    }

    [Theory]
    [InlineData(RefusalReason.Draining)]
    [InlineData(RefusalReason.Stopped)]
    public async Task Closed_RefusesNewcomers_AndWhoWaits_UntilOpened(RefusalReason reason)
    {
        var t = new AdmissionUnderTest();
        var open = t.Admit();
        var waiting = new[] { t.Queue("f"), t.Queue("g") };
        Assert.True(t.Admission.IsOpen);
        t.Admission.Close(reason);
        Assert.False(t.Admission.IsOpen);
        foreach (var one in waiting)
        {
            Assert.Null((await one.RefusedAsync(reason)).RetryAfter);
        }

        Assert.Equal(0, t.Admission.Queued);
        t.Refuse(reason);
        open.TryEnd(Outcome.Completed);
        t.Refuse(reason);
        t.Admission.Open();
        t.Admit();
    }

    [Fact]
    public void ClosedAgain_TheReasonChanges()
    {
        var t = new AdmissionUnderTest();
        t.Admission.Close(RefusalReason.Draining);
        t.Admission.Close(RefusalReason.Stopped);
        t.Refuse(RefusalReason.Stopped);
    }

    [Fact]
    public void Close_ForAReasonThatIsNone_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new AdmissionUnderTest().Admission.Close(RefusalReason.QueueFull));

    [Fact]
    public async Task UnknownFunction_Refused_AlsoWhileWaiting()
    {
        var t = new AdmissionUnderTest();
        t.Admission.SetFunctions(new HashSet<string> { "f", "g" });
        t.Refuse(RefusalReason.UnknownFunction, "h");
        var f = t.Admit("f");
        var waitingG = t.Queue("g");
        var waitingF = t.Queue("f");
        t.Admission.SetFunctions(new HashSet<string> { "f", "h" });
        await waitingG.RefusedAsync(RefusalReason.UnknownFunction);
        t.Refuse(RefusalReason.UnknownFunction, "g");
        f.TryEnd(Outcome.Completed);
        (await waitingF.AcceptedAsync()).TryEnd(Outcome.Completed);
        t.Admit("h").TryEnd(Outcome.Completed);
        t.Admission.SetFunctions(null);
        t.Admit("anything");
    }

    [Fact]
    public async Task CancelledWhileQueued_LeavesNoTrace()
    {
        var t = new AdmissionUnderTest();
        var open = t.Admit();
        using var cancel = new CancellationTokenSource();
        var waiting = t.Queue(timeLeft: TimeSpan.FromSeconds(5), cancellation: cancel.Token);
        var behind = t.Queue();
        await cancel.CancelAsync();
        var thrown = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(cancel.Token, thrown.CancellationToken);
        Assert.Equal(1, t.Admission.Queued);
        Assert.Equal(new LedgerSnapshot(1, 0, 0, 0, 0, 1), t.Ledger.Snapshot());
        Assert.Equal(0, t.Clock.ArmedTimers);
        open.TryEnd(Outcome.Completed);
        await behind.AcceptedAsync();
    }

    [Fact]
    public async Task CancelledBefore_Throws_ThoughASlotIsFree()
    {
        var t = new AdmissionUnderTest();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => t.AskAsync(cancellation: new CancellationToken(true)));
        Assert.Equal(0, t.Ledger.Snapshot().Accepted);
    }

    [Fact]
    public async Task CancelledAfterAcceptance_ChangesNothing()
    {
        var t = new AdmissionUnderTest();
        var open = t.Admit();
        using var cancel = new CancellationTokenSource();
        var waiting = t.Queue(cancellation: cancel.Token);
        open.TryEnd(Outcome.Completed);
        var ticket = await waiting.AcceptedAsync();
        await cancel.CancelAsync();
        Assert.Equal(1, t.Ledger.InFlight);
        Assert.True(ticket.TryEnd(Outcome.Completed));
    }

    [Fact]
    public async Task DeadlineWhileQueued_Refused_AndTheNextIsServed()
    {
        var t = new AdmissionUnderTest();
        var open = t.Admit();
        var waiting = t.Queue(timeLeft: TimeSpan.FromSeconds(2));
        var patient = t.Queue();
        t.Clock.Advance(TimeSpan.FromSeconds(1.999));
        Assert.Equal(2, t.Admission.Queued);
        t.Clock.Advance(TimeSpan.FromSeconds(0.001));
        Assert.Equal(1, t.Admission.Queued);
        await waiting.RefusedAsync(RefusalReason.DeadlineUnreachable);
        open.TryEnd(Outcome.Completed);
        await patient.AcceptedAsync();
    }

    [Fact]
    public async Task DeadlineOverByAbandon_WithTheTimerLate_IsNotServed()
    {
        // All timers fire late after a freeze: then the clock decides, not the timer.
        var late = new LateTimers();
        var ledger = new InvocationLedger(late);
        var admission = new AdmissionController(ledger, new AdmissionOptions { MaxConcurrent = 1 }, late);
        var open = await admission.AdmitAsync("f", "r", Timeout.InfiniteTimeSpan, default).AsTask().AcceptedAsync();
        var waiting = admission.AdmitAsync("f", "r", TimeSpan.FromSeconds(2), default).AsTask();
        late.Timestamp += 2 * late.TimestampFrequency;
        open.TryEnd(Outcome.Completed);
        await waiting.RefusedAsync(RefusalReason.DeadlineUnreachable);
        Assert.Equal(0, ledger.InFlight);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-2)]
    public void DeadlineAlreadyOver_Refused_ThoughASlotIsFree(int milliseconds) =>
        new AdmissionUnderTest().Refuse(RefusalReason.DeadlineUnreachable, timeLeft: TimeSpan.FromMilliseconds(milliseconds));

    [Fact]
    public void DeadlineBeyondAllTimers_Waits()
    {
        var t = new AdmissionUnderTest();
        t.Admit();
        _ = t.Queue(timeLeft: TimeSpan.MaxValue);
        Assert.Equal(0, t.Clock.ArmedTimers);
    }

    [Fact]
    public void ExpectedWait_AtTheDeadlineOrBeyond_RefusedAtOnce()
    {
        var t = new AdmissionUnderTest(slots: 2);
        t.Serve(TimeSpan.FromSeconds(3));
        t.Admit();
        t.Admit();

        // Nobody is ahead, so nothing is expected.
        _ = t.Queue(timeLeft: TimeSpan.FromMilliseconds(1));
        _ = t.Queue();

        // Two ahead, 3 s each, two slots: 3 s.
        var refused = t.Refuse(RefusalReason.DeadlineUnreachable, timeLeft: TimeSpan.FromSeconds(2.99));
        Assert.Equal(3, refused.ExpectedWait.TotalSeconds, 3);
        Assert.Equal(TimeSpan.FromSeconds(3), refused.RetryAfter);
        _ = t.Queue(timeLeft: TimeSpan.FromSeconds(3.01));
    }

    [Fact]
    public void ExpectedWait_OfEachAheadItsOwnFunctionsMean()
    {
        var t = new AdmissionUnderTest();
        t.Serve(TimeSpan.FromSeconds(1), "quick");
        t.Serve(TimeSpan.FromSeconds(7), "slow");
        t.Admit("quick");
        _ = t.Queue("slow");
        _ = t.Queue("quick");
        Assert.Equal(8, t.Refuse(RefusalReason.DeadlineUnreachable, "quick", TimeSpan.FromSeconds(7.9)).ExpectedWait.TotalSeconds, 3);
    }

    [Fact]
    public void ExpectedWait_FunctionNeverServed_TakesTheInstancesMean()
    {
        var t = new AdmissionUnderTest();
        t.Serve(TimeSpan.FromSeconds(1), "f");
        t.Serve(TimeSpan.FromSeconds(3), "g");
        t.Admit("f");
        _ = t.Queue("new");
        Assert.Equal(2, t.Refuse(RefusalReason.DeadlineUnreachable, "new", TimeSpan.FromSeconds(1)).ExpectedWait.TotalSeconds, 3);
    }

    [Fact]
    public void ExpectedWait_NothingKnown_NoRefusal()
    {
        var t = new AdmissionUnderTest();
        t.Admit();
        _ = t.Queue();
        _ = t.Queue(timeLeft: TimeSpan.FromMilliseconds(1));
    }

    [Fact]
    public void ExpectedWait_AtTheFunctionsLimit_CountsItsOwnQueueOnly()
    {
        var t = new AdmissionUnderTest(slots: 10, perFunction: 1);
        t.Serve(TimeSpan.FromSeconds(2), "f");
        t.Serve(TimeSpan.FromSeconds(9), "g");
        t.Admit("f");
        t.Admit("g");
        _ = t.Queue("g");
        _ = t.Queue("g");
        _ = t.Queue("f");
        Assert.Equal(2, t.Refuse(RefusalReason.DeadlineUnreachable, "f", TimeSpan.FromSeconds(1)).ExpectedWait.TotalSeconds, 3);
    }

    [Fact]
    public async Task ExpectedWait_IsToldWithTheAcceptance()
    {
        var t = new AdmissionUnderTest();
        t.Serve(TimeSpan.FromSeconds(4));
        var open = t.Admit();
        var first = t.Queue();
        var second = t.Queue();
        open.TryEnd(Outcome.Completed);
        Assert.Equal(TimeSpan.Zero, (await first).ExpectedWait);
        (await first).Ticket.TryEnd(Outcome.Completed);
        Assert.Equal(4, (await second).ExpectedWait.TotalSeconds, 3);
    }

    [Theory]
    [InlineData(0.2, 60, 1)]
    [InlineData(2.4, 60, 3)]
    [InlineData(500, 60, 60)]
    [InlineData(500, 2.5, 2)]
    public void RetryAfter_IsTheEstimateInWholeSeconds_AtLeastOne_Capped(double mean, double cap, int expected)
    {
        var t = new AdmissionUnderTest(queue: 1, maxRetryAfter: TimeSpan.FromSeconds(cap));
        t.Serve(TimeSpan.FromSeconds(mean));
        t.Admit();
        _ = t.Queue();
        Assert.Equal(TimeSpan.FromSeconds(expected), t.Refuse(RefusalReason.QueueFull).RetryAfter);
    }

    [Fact]
    public async Task AbandonAll_FreesSlots_ForWhoWaits()
    {
        var t = new AdmissionUnderTest(slots: 2, perFunction: 1);
        var f = t.Admit("f");
        t.Admit("g");
        var waiting = t.Queue("f");
        Assert.Equal(2, t.Ledger.AbandonAll());
        await waiting.AcceptedAsync();
        Assert.False(f.TryEnd(Outcome.Completed));
        t.Admit("g");
        Assert.Equal(new LedgerSnapshot(4, 0, 0, 0, 2, 2), t.Ledger.Snapshot());
    }

    [Fact]
    public void UntoldNames_ShareOneEntry_BeyondTheCap()
    {
        var t = new AdmissionUnderTest(slots: 10, perFunction: 1, queue: 1);
        for (var i = 0; i < FunctionTable.MaxUnlisted + 1000; i++)
        {
            t.Admit("hostile-" + i).TryEnd(Outcome.Completed);
        }

        var listed = t.Ledger.ListFunctions();
        Assert.Equal(FunctionTable.MaxUnlisted + 1, listed.Count);
        Assert.Equal(1000, listed.Single(f => f.Name == FunctionTable.OverflowName).Accepted);

        // And with it one limit.
        t.Admit("yet another");
        _ = t.Queue("and another");
    }

    [Fact]
    public void FunctionsTold_HaveTheirOwnEntry_HoweverManyNamesCameBefore()
    {
        var t = new AdmissionUnderTest(slots: 10);
        for (var i = 0; i < FunctionTable.MaxUnlisted + 5; i++)
        {
            t.Admit("hostile-" + i).TryEnd(Outcome.Completed);
        }

        t.Admission.SetFunctions(new HashSet<string> { "mine" });
        t.Admit("mine").TryEnd(Outcome.Completed);
        Assert.Equal(1, t.Ledger.ListFunctions().Single(f => f.Name == "mine").Completed);
    }

    [Fact]
    public async Task FunctionsTold_OthersAdmitted_KeepTheirOwnEntry_AndNobodyIsRefused()
    {
        var t = new AdmissionUnderTest();
        t.Admission.SetFunctions(new HashSet<string> { "mine" }, admitOthers: true);
        for (var i = 0; i < FunctionTable.MaxUnlisted + 5; i++)
        {
            t.Admit("hostile-" + i).TryEnd(Outcome.Completed);
        }

        var running = t.Admit("mine");
        var waiting = t.Queue("other");
        t.Admission.SetFunctions(new HashSet<string> { "mine", "new" }, admitOthers: true);
        running.TryEnd(Outcome.Completed);
        (await waiting.AcceptedAsync()).TryEnd(Outcome.Completed);
        Assert.Equal(1, t.Ledger.ListFunctions().Single(f => f.Name == "mine").Completed);
    }

    [Fact]
    public void FunctionsThatComeAndGo_StayBounded_AndNothingCountedIsLost()
    {
        var t = new AdmissionUnderTest(slots: 1000);
        var kept = new List<Ticket>();
        for (var round = 0; round < 10; round++)
        {
            var names = Enumerable.Range(0, 100).Select(i => $"f-{round}-{i}").ToHashSet();
            t.Admission.SetFunctions(names);
            foreach (var name in names)
            {
                t.Admit(name).TryEnd(Outcome.Completed);
            }

            kept.Add(t.Admit($"f-{round}-0"));
        }

        t.Admission.SetFunctions(new HashSet<string>());
        var listed = t.Ledger.ListFunctions();
        Assert.InRange(listed.Count, 1, FunctionTable.MaxUnlisted + 1 + kept.Count);
        Assert.Equal(1010, listed.Sum(f => f.Accepted));
        Assert.Equal(kept.Count, listed.Sum(f => f.InFlight));
        Assert.All(listed, f => Assert.Equal(0, f.Drift));
        Assert.All(kept, k => Assert.True(k.TryEnd(Outcome.Cancelled)));
        Assert.All(t.Ledger.ListFunctions(), f => Assert.Equal(0, f.InFlight));
    }

    [Fact]
    public void SecondAdmissionOfALedger_Throws()
    {
        var t = new AdmissionUnderTest();
        Assert.Throws<InvalidOperationException>(() => new AdmissionController(t.Ledger, new AdmissionOptions(), t.Clock));
    }

    [Fact]
    public void Options_OutOfBounds_AllToldAtOnce_WithKeyAndValue()
    {
        var options = new AdmissionOptions
        {
            MaxConcurrent = 0,
            MaxConcurrentPerFunction = -1,
            MaxQueued = 2_000_000,
            MaxRetryAfter = TimeSpan.Zero,
        };
        Assert.Equal(
            [
                "Admission:MaxConcurrent = 0: must be a whole number from 1 to 1000000",
                "Admission:MaxConcurrentPerFunction = -1: must be a whole number from 0 to 1000000",
                "Admission:MaxQueued = 2000000: must be a whole number from 0 to 1000000",
                "Admission:MaxRetryAfter = 00:00:00: must be a duration from 1 s to 1 day",
            ],
            options.Validate());
        var ledger = new InvocationLedger(TimeProvider.System);
        Assert.Throws<ArgumentException>(() => new AdmissionController(ledger, options, TimeProvider.System));
        Assert.Empty(new AdmissionOptions().Validate());
    }

    [Fact]
    public void Result_AcceptedHasNoReason() =>
        Assert.Throws<InvalidOperationException>(() => new AdmissionUnderTest().AskAsync().Result.Reason);

    /// <summary>Time goes on, and no timer fires.</summary>
    private sealed class LateTimers : TimeProvider
    {
        public long Timestamp { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Timestamp;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new NoslateFleet.Tests.Common.ManualTimeProvider().CreateTimer(callback, state, dueTime, period);
    }
}
