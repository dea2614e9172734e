using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Functions;

public sealed class FunctionBoardTests
{
    private readonly ManualTimeProvider _clock = new();
    private readonly InvocationLedger _ledger;
    private readonly FunctionBoard _board;
    private readonly List<string> _changes = [];

    public FunctionBoardTests()
    {
        _ledger = new InvocationLedger(_clock, 4);
        _board = new FunctionBoard(_ledger, _clock);
        _board.Changed += (name, from, to) => _changes.Add($"{name} {from} {to}");
    }

    [Fact]
    public void NothingHeard_TemperatureCantBeTold()
    {
        _board.SetFunctions(new HashSet<string> { "f" });
        Assert.Null(_board.TemperatureOf("f"));
        _ledger.Accept("f", "r").TryEnd(Outcome.Completed);
        var f = Assert.Single(_board.List());
        Assert.Null(f.Temperature);
        Assert.Null(f.AsOf);
        Assert.Equal((0L, 0L), (f.Counters.ColdStarts, f.Counters.ColdStartsAvoided));
    }

    /// <summary>Instances times hundreds of made-up names would be more than a reader of the fleet has room for, and real functions be left out.</summary>
    [Fact]
    public void ForTheFleet_NamesThatNobodyKnowsAreOne()
    {
        _board.SetFunctions(new HashSet<string> { "f" });
        _ledger.Accept("f", "r").TryEnd(Outcome.Completed);
        for (var i = 0; i < 5; i++)
        {
            var ticket = _ledger.Accept("made-up-" + i, "r");
            _clock.Advance(TimeSpan.FromMilliseconds(10 * (i + 1)));
            ticket.TryEnd(Outcome.Failed);
        }

        _ledger.Accept("made-up-0", "open");
        Assert.Equal(6, _board.List().Count);
        var known = _board.ListKnown();
        Assert.Equal(["(other)", "f"], known.Select(status => status.Name));
        Assert.Equal(1, known[1].Counters.Completed);
        var others = known[0];
        Assert.Null(others.Temperature);
        Assert.Equal((6L, 5L, 1, 0L), (others.Counters.Accepted, others.Counters.Failed, others.Counters.InFlight, others.Counters.Drift));
        Assert.Equal(30, others.Counters.MeanServiceTime!.Value.TotalMilliseconds, 0.001);
    }

    [Fact]
    public void ForTheFleet_AFunctionThatTheNodeToldOf_KeepsItsName()
    {
        _board.WorkerCame("told", "w");
        _ledger.Accept("told", "r").TryEnd(Outcome.Completed);
        Assert.Equal(["told"], _board.ListKnown().Select(status => status.Name));
    }

    [Fact]
    public void NoWorker_IsCold() => Assert.Equal(FunctionTemperature.Cold, After());

    [Fact]
    public void OnlyCreated_IsWarming() => Assert.Equal(FunctionTemperature.Warming, After(Worker("w", WorkerState.Created)));

    [Fact]
    public void OnlyStopping_IsCold() =>
        Assert.Equal(FunctionTemperature.Cold, After(Worker("w", WorkerState.PendingStop), Worker("v", WorkerState.Stopped)));

    [Fact]
    public void OnlyUnknown_CantBeTold() => Assert.Null(After(Worker("w", WorkerState.Unknown)));

    [Fact]
    public void ReadyWithRoom_IsWarm() =>
        Assert.Equal(FunctionTemperature.Warm, After(Worker("w", WorkerState.Ready, 1, 2), Worker("v", WorkerState.Created)));

    [Fact]
    public void ReadyWithoutRoom_IsSaturated() =>
        Assert.Equal(FunctionTemperature.Saturated, After(Worker("w", WorkerState.Ready, 2, 2), Worker("v", WorkerState.Ready, 1, 1)));

    [Fact]
    public void ReadyWithoutAKnownMaximum_TakesNoslatesDefault()
    {
        Assert.Equal(FunctionTemperature.Warm, After(Worker("w", WorkerState.Ready, 9, null)));
        Assert.Equal(FunctionTemperature.Saturated, After(Worker("w", WorkerState.Ready, 10, null)));
    }

    [Fact]
    public void OwnInvocations_TellSaturatedFromWarm_BetweenPictures()
    {
        Assert.Equal(FunctionTemperature.Warm, After(Worker("w", WorkerState.Ready, 0, 2)));
        var first = _ledger.Accept("f", "1");
        Assert.Equal(FunctionTemperature.Warm, _board.TemperatureOf("f"));
        _ledger.Accept("f", "2");
        Assert.Equal(FunctionTemperature.Saturated, _board.TemperatureOf("f"));
        first.TryEnd(Outcome.Completed);
        _board.Refresh();
        Assert.Equal(["f Cold Warm", "f Warm Saturated", "f Saturated Warm"], _changes);
    }

    [Fact]
    public void RequestsOfOthers_AsInThePicture_CountUntilTheNext()
    {
        // One is ours, two are not: a service's, say.
        _ledger.Accept("f", "1");
        Assert.Equal(FunctionTemperature.Warm, After(Worker("w", WorkerState.Ready, 3, 4)));
        _ledger.Accept("f", "2");
        Assert.Equal(FunctionTemperature.Saturated, _board.TemperatureOf("f"));
        Assert.Equal(FunctionTemperature.Warm, After(Worker("w", WorkerState.Ready, 2, 4)));
    }

    [Fact]
    public void OwnInvocationsThatEndWhileThePictureIsOnItsWay_AreNotTakenForOthers()
    {
        After(Worker("w", WorkerState.Ready, 0, 1));
        var ticket = _ledger.Accept("f", "1");
        var mark = _board.Mark();
        ticket.TryEnd(Outcome.Completed);
        Apply(mark, Worker("w", WorkerState.Ready, 1, 1));
        Assert.Equal(FunctionTemperature.Warm, _board.TemperatureOf("f"));
    }

    [Fact]
    public void WorkerCame_IsWarmAtOnce()
    {
        After();
        _board.WorkerCame("f", "w");
        Assert.Equal(FunctionTemperature.Warm, _board.TemperatureOf("f"));
        Assert.Equal(["f Cold Warm"], _changes);
    }

    [Fact]
    public void WorkerCame_BeforeAnyPicture_IsWarm()
    {
        _board.WorkerCame("f", "w");
        Assert.Equal(FunctionTemperature.Warm, _board.TemperatureOf("f"));

        // Others may be there of which nothing was heard.
        _board.WorkerWent("f", "w");
        Assert.Null(_board.TemperatureOf("f"));
    }

    [Fact]
    public void WorkerDrained_IsNoLongerReady()
    {
        After(Worker("w", WorkerState.Ready));
        _board.WorkerDrained("f", "w");
        Assert.Equal(FunctionTemperature.Cold, _board.TemperatureOf("f"));
        Assert.Equal(WorkerState.PendingStop, Assert.Single(Assert.Single(_board.List()).Workers).State);
    }

    [Fact]
    public void WorkerWent_IsLostAtOnce()
    {
        After(Worker("w", WorkerState.Ready), Worker("v", WorkerState.Created));
        _board.WorkerWent("f", "w");
        Assert.Equal(FunctionTemperature.Warming, _board.TemperatureOf("f"));
        Assert.Equal("v", Assert.Single(Assert.Single(_board.List()).Workers).Name);
    }

    [Fact]
    public void RequestQueued_IsSaturated_WhateverTheNumbersSay_UntilAWorkerComes()
    {
        After(Worker("w", WorkerState.Ready, 0, 5));
        _ledger.Accept("f", "1");
        _board.RequestQueued("f");
        Assert.Equal(FunctionTemperature.Saturated, _board.TemperatureOf("f"));
        _board.WorkerCame("f", "v");
        Assert.Equal(FunctionTemperature.Warm, _board.TemperatureOf("f"));
    }

    [Fact]
    public void RequestQueued_IsOver_WithANewerPicture()
    {
        After(Worker("w", WorkerState.Ready, 0, 5));
        _ledger.Accept("f", "1");
        var late = _board.Mark();
        _board.RequestQueued("f");
        Apply(late, Worker("w", WorkerState.Ready, 0, 5));
        Assert.Equal(FunctionTemperature.Saturated, _board.TemperatureOf("f"));
        Assert.Equal(FunctionTemperature.Warm, After(Worker("w", WorkerState.Ready, 0, 5)));
    }

    [Fact]
    public void RequestQueued_IsOver_OnceNothingOfOursRuns()
    {
        After(Worker("w", WorkerState.Ready, 0, 5));
        var ticket = _ledger.Accept("f", "1");
        _board.RequestQueued("f");
        ticket.TryEnd(Outcome.Completed);
        Assert.Equal(FunctionTemperature.Warm, _board.TemperatureOf("f"));
    }

    [Fact]
    public void RequestQueued_WithoutAWorker_StaysCold()
    {
        After();
        _board.RequestQueued("f");
        Assert.Equal(FunctionTemperature.Cold, _board.TemperatureOf("f"));
    }

    [Fact]
    public void LatePicture_DoesNotTakeAwayAWorkerThatCameMeanwhile()
    {
        After();
        var mark = _board.Mark();
        _board.WorkerCame("f", "w");
        Apply(mark);
        Assert.Equal(FunctionTemperature.Warm, _board.TemperatureOf("f"));
        Assert.Equal(FunctionTemperature.Cold, After());
    }

    [Fact]
    public void LatePicture_DoesNotBringBackAWorkerThatWentMeanwhile()
    {
        After(Worker("w", WorkerState.Ready));
        var mark = _board.Mark();
        _board.WorkerWent("f", "w");
        Apply(mark, Worker("w", WorkerState.Ready));
        Assert.Equal(FunctionTemperature.Cold, _board.TemperatureOf("f"));

        // The next one is believed.
        Assert.Equal(FunctionTemperature.Warm, After(Worker("w", WorkerState.Ready)));
    }

    [Fact]
    public void LatePicture_StillTellsOfOtherWorkers()
    {
        After(Worker("w", WorkerState.Ready));
        var mark = _board.Mark();
        _board.WorkerWent("f", "w");
        Apply(mark, Worker("w", WorkerState.Ready), Worker("v", WorkerState.Created));
        Assert.Equal(FunctionTemperature.Warming, _board.TemperatureOf("f"));
    }

    [Fact]
    public void OlderPicture_AfterANewerOne_ChangesNothing()
    {
        var older = _board.Mark();
        After(Worker("w", WorkerState.Ready));
        Assert.False(_board.Apply(new WorkersPicture(older, _clock.GetUtcNow(), [])));
        Assert.Equal(FunctionTemperature.Warm, _board.TemperatureOf("f"));
    }

    [Fact]
    public void WallClockThatJumps_DecidesNothing()
    {
        After(Worker("w", WorkerState.Ready));
        _clock.JumpWallClock(TimeSpan.FromDays(-1));
        _board.WorkerWent("f", "w");
        Assert.Equal(FunctionTemperature.Cold, _board.TemperatureOf("f"));
        var mark = _board.Mark();
        _clock.JumpWallClock(TimeSpan.FromDays(-1));
        Apply(mark, Worker("w", WorkerState.Ready));
        Assert.Equal(FunctionTemperature.Warm, _board.TemperatureOf("f"));
    }

    [Fact]
    public void Doubt_NothingCanBeTold_UntilTheNextPicture_AndPicturesOnTheirWayDontCount()
    {
        After(Worker("w", WorkerState.Ready));
        var mark = _board.Mark();
        _board.Doubt();
        Assert.Null(_board.TemperatureOf("f"));
        Assert.Equal(WorkerState.Unknown, Assert.Single(Assert.Single(_board.List()).Workers).State);
        Assert.False(_board.Apply(new WorkersPicture(mark, _clock.GetUtcNow(), [])));
        Assert.Null(_board.TemperatureOf("f"));
        Assert.Equal(FunctionTemperature.Cold, After());
        Assert.Equal(["f Cold Warm", "f Warm Cold"], _changes);
    }

    [Fact]
    public void Doubt_AnEventTellsOfItsWorker()
    {
        After(Worker("w", WorkerState.Ready));
        _board.Doubt();
        _board.WorkerCame("f", "v");
        Assert.Equal(FunctionTemperature.Warm, _board.TemperatureOf("f"));
    }

    [Fact]
    public void ColdStarts_AndThoseAvoided_AreCounted()
    {
        After();
        Serve(2);
        After(Worker("w", WorkerState.Created));
        Serve(1);
        After(Worker("w", WorkerState.Ready, 0, 10));
        Serve(5);
        After(Worker("w", WorkerState.Ready, 10, 10));
        Serve(3);
        var f = Assert.Single(_board.List());
        Assert.Equal((11L, 3L, 5L), (f.Counters.Accepted, f.Counters.ColdStarts, f.Counters.ColdStartsAvoided));
    }

    [Fact]
    public void ColdStarts_OfAFunctionCalledForTheFirstTime_AreCounted()
    {
        After(Worker("w", WorkerState.Ready));
        Serve(1);
        Assert.Equal(1, Assert.Single(_board.List()).Counters.ColdStartsAvoided);
    }

    [Fact]
    public void List_ShowsWorkersCountersAndTime_ByName()
    {
        _board.SetFunctions(new HashSet<string> { "f", "never-called" });
        After(Worker("w2", WorkerState.Ready), Worker("w1", WorkerState.Created));
        _ledger.Accept("f", "1");
        _ledger.Accept("a-service", "2");
        var list = _board.List();
        Assert.Equal(["a-service", "f", "never-called"], list.Select(f => f.Name));
        Assert.Equal([null, FunctionTemperature.Warm, FunctionTemperature.Cold], list.Select(f => f.Temperature));
        Assert.Equal(["w1", "w2"], list[1].Workers.Select(w => w.Name));
        Assert.Equal((1, 0), (list[1].Counters.InFlight, list[2].Counters.InFlight));
        Assert.Equal(_clock.GetUtcNow(), list[1].AsOf);
        Assert.Equal(5, list[1].Workers[0].MaxActiveRequests);
    }

    [Fact]
    public void FunctionThatIsNoMore_LeavesTheBoard()
    {
        After(Worker("w", WorkerState.Ready));
        _board.Apply(new WorkersPicture(_board.Mark(), _clock.GetUtcNow(), []));
        Assert.Empty(_board.List());
        Assert.Equal(["f Cold Warm", "f Warm Cold"], _changes);
    }

    [Fact]
    public void NamesBeyondTheCap_AreLeftOut_AndCounted()
    {
        for (var i = 0; i < FunctionBoard.MaxFunctions + 10; i++)
        {
            _board.WorkerCame("f" + i, "w");
        }

        Assert.Equal(FunctionBoard.MaxFunctions, _board.List().Count);
        Assert.Equal(10, _board.LeftOut);
    }

    [Fact]
    public void WorkersBeyondTheCap_AreLeftOut_ButThoseGoneMakeRoom()
    {
        for (var i = 0; i < FunctionBoard.MaxWorkers + 10; i++)
        {
            _board.WorkerCame("f", "w" + i);
        }

        Assert.Equal(10, _board.LeftOut);
        _board.WorkerWent("f", "w0");
        _board.WorkerCame("f", "new");
        Assert.Equal(10, _board.LeftOut);
        Assert.Contains(Assert.Single(_board.List()).Workers, w => w.Name == "new");
    }

    [Fact]
    public void Changes_FromManyThreads_AreToldInOrder()
    {
        var board = new FunctionBoard(_ledger, TimeProvider.System);
        var last = FunctionTemperature.Cold;
        var inside = 0;
        var changes = 0;
        board.Changed += (_, from, to) =>
        {
            Assert.Equal(1, Interlocked.Increment(ref inside));
            Assert.Equal(last, from);
            Assert.NotEqual(from, to);
            last = to;
            changes++;
            Interlocked.Decrement(ref inside);
        };
        board.Apply(new WorkersPicture(board.Mark(), default, [new FunctionFact("f", 1, [])]));
        Parallel.For(0, 4, i =>
        {
            for (var round = 0; round < 500; round++)
            {
                board.WorkerCame("f", "w" + i);
                board.WorkerWent("f", "w" + i);
            }
        });
        Assert.True(changes > 0);
        Assert.Equal(FunctionTemperature.Cold, board.TemperatureOf("f"));
    }

    private static WorkerFact Worker(string name, WorkerState state, int active = 0, int? most = 5) => new(name, state, active, most);

    /// <summary>The temperature of f after a picture with these workers.</summary>
    private FunctionTemperature? After(params WorkerFact[] workers)
    {
        Apply(_board.Mark(), workers);
        return _board.TemperatureOf("f");
    }

    private void Apply(long mark, params WorkerFact[] workers) =>
        Assert.True(_board.Apply(new WorkersPicture(mark, _clock.GetUtcNow(), [new FunctionFact("f", null, workers)])));

    private void Serve(int count)
    {
        for (var i = 0; i < count; i++)
        {
            _ledger.Accept("f", "r").TryEnd(Outcome.Completed);
        }
    }
}
