namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>Collects what is seen, from all slots at once.</summary>
internal sealed class FactLog
{
    private readonly Lock gate = new();
    private readonly List<SentFact> sent = [];
    private readonly List<RequestFact> requests = [];
    private readonly List<CountersFact> counters = [];
    private readonly List<HookFact> hooks = [];
    private readonly List<ThawFact> thaws = [];
    private readonly List<LifeFact> lives = [];
    private readonly List<ExecutionFact> executions = [];
    private readonly List<FleetFact> fleet = [];
    private readonly HashSet<Life> started = [];
    private readonly Dictionary<Life, (int Open, Tally Tally)> tallies = [];
    private int freezes;

    public void Add(SentFact fact)
    {
        lock (gate)
        {
            sent.Add(fact);
            Count(fact.Life, 1, tally => tally with { Sent = tally.Sent + 1 });
        }
    }

    public void Add(RequestFact fact)
    {
        lock (gate)
        {
            requests.Add(fact);
            Count(fact.Life, -1, tally => tally with
            {
                Answers = tally.Answers + (fact is { End: WireEnd.Whole, Reason: null } ? 1 : 0),
                Errors = tally.Errors + (fact.Reason is null ? 0 : 1),
                Refused = tally.Refused + (fact.Outcome == RequestOutcome.Refused ? 1 : 0),
            });
        }
    }

    public void Add(CountersFact fact) => Add(counters, fact);

    public void Add(HookFact fact) => Add(hooks, fact);

    public void Add(ThawFact fact) => Add(thaws, fact);

    public void Add(LifeFact fact) => Add(lives, fact);

    public void Add(FleetFact fact) => Add(fleet, fact);

    public void Add(IEnumerable<ExecutionFact> facts)
    {
        lock (gate)
            executions.AddRange(facts);
    }

    public void CountStart(Life life)
    {
        lock (gate)
            started.Add(life);
    }

    /// <summary>Whether an instance was started and its end not noted.</summary>
    public bool IsOpen(Life life)
    {
        lock (gate)
            return started.Contains(life) && !lives.Exists(it => it.Life == life);
    }

    public void CountFreeze()
    {
        lock (gate)
            freezes++;
    }

    /// <summary>How far the run is, in one line.</summary>
    public string Line(int ofRequests)
    {
        lock (gate)
        {
            return $"requests {requests.Count} of {ofRequests} ({sent.Count - requests.Count} open), freezes {freezes}, "
                + $"thaws {thaws.Count}, stops {lives.Count(it => it.End == LifeEnd.Stopped)}, "
                + $"kills {lives.Count(it => it.End == LifeEnd.Killed)}, "
                + $"instances {started.Count - lives.Count}";
        }
    }

    /// <summary>What the clients of an instance have seen, if none of their requests is open.</summary>
    public Tally? TallyOf(Life life)
    {
        lock (gate)
        {
            (int open, Tally tally) = tallies.GetValueOrDefault(life, (0, new Tally(0, 0, 0, 0)));
            return open == 0 ? tally : null;
        }
    }

    public RunFacts Snapshot(IReadOnlyList<string> leftBehind)
    {
        lock (gate)
        {
            return new RunFacts
            {
                Sent = [.. sent],
                Requests = [.. requests],
                Counters = [.. counters],
                Hooks = [.. hooks],
                Thaws = [.. thaws],
                Lives = [.. lives],
                Executions = [.. executions],
                Fleet = [.. fleet],
                Started = started.Count,
                Freezes = freezes,
                LeftBehind = leftBehind,
            };
        }
    }

    private void Count(Life life, int open, Func<Tally, Tally> change)
    {
        (int before, Tally tally) = tallies.GetValueOrDefault(life, (0, new Tally(0, 0, 0, 0)));
        tallies[life] = (before + open, change(tally));
    }

    private void Add<T>(List<T> list, T fact)
    {
        lock (gate)
            list.Add(fact);
    }
}
