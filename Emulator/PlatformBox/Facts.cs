namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>How a request ended on the wire.</summary>
internal enum WireEnd
{
    /// <summary>A whole answer came.</summary>
    Whole,

    /// <summary>The connection ended in the middle of the answer, or no answer came at all.</summary>
    Cut,

    /// <summary>The client left, as the schedule wants it.</summary>
    ClientLeft,

    /// <summary>The box was told to stop.</summary>
    Interrupted,
}

/// <summary>What became of a request, in the words of the final table.</summary>
internal enum RequestOutcome
{
    /// <summary>The function's own good answer, whole.</summary>
    Completed,

    /// <summary>The function failed as the schedule wants it.</summary>
    FailedByFunction,

    /// <summary>The gateway refused it, said why, and said that it never ran.</summary>
    Refused,

    /// <summary>The client left, as the schedule wants it.</summary>
    Cancelled,

    /// <summary>It ended with an instance that was killed.</summary>
    CutByKill,

    /// <summary>The box was told to stop.</summary>
    Interrupted,

    /// <summary>Anything else: a fault of the product.</summary>
    Broken,
}

/// <summary>A request that was begun.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Life">The instance.</param>
internal sealed record SentFact(string Id, Life Life);

/// <summary>The end of a request, as its client saw it.</summary>
/// <param name="Id">Its id, which is also the platform's request id.</param>
/// <param name="Life">The instance.</param>
/// <param name="Plan">What was to be sent.</param>
/// <param name="End">How it ended on the wire.</param>
internal sealed record RequestFact(string Id, Life Life, ScheduledRequest Plan, WireEnd End)
{
    /// <summary>The status; 0 if none came.</summary>
    public int Status { get; init; }

    /// <summary>The reason that the gateway gives with an error of its own; null for the function's answers.</summary>
    public string? Reason { get; init; }

    /// <summary>What the gateway says with an error of its own about the execution; null for the function's answers.</summary>
    public string? Executed { get; init; }

    /// <summary>Whether the answer is exactly the one that the function gives to this very request.</summary>
    public bool AsWritten { get; init; }

    /// <summary>Whether the instance was being killed, or dead, when it ended.</summary>
    public bool Killed { get; init; }

    /// <summary>What the client's side can tell of a broken one.</summary>
    public string? Detail { get; init; }

    public RequestOutcome Outcome => End switch
    {
        WireEnd.Interrupted => RequestOutcome.Interrupted,
        WireEnd.ClientLeft => RequestOutcome.Cancelled,
        WireEnd.Whole when Reason is null => OfAnswer(),
        WireEnd.Whole => OfError(),
        _ when Killed => RequestOutcome.CutByKill,
        _ => Plan.Kind == RequestKind.Cut && Status == 200 ? RequestOutcome.FailedByFunction : RequestOutcome.Broken,
    };

    private RequestOutcome OfAnswer() =>
        !AsWritten ? RequestOutcome.Broken
        : Plan.Kind == RequestKind.Status ? Status == 500 ? RequestOutcome.FailedByFunction : RequestOutcome.Broken
        : Status == 200 ? RequestOutcome.Completed : RequestOutcome.Broken;

    private RequestOutcome OfError() => (Plan.Kind, Reason, Executed) switch
    {
        (RequestKind.Throw, "function-error", "yes") => RequestOutcome.FailedByFunction,

        // Its answer was so short that the gateway still had all of it.
        (RequestKind.Cut, "response-reset", "yes") => RequestOutcome.FailedByFunction,
        (RequestKind.Exit, "worker-exited", "maybe") => RequestOutcome.FailedByFunction,
        (_, _, "never") when Refusals.Declared.Contains(Reason!) => RequestOutcome.Refused,
        _ => Killed ? RequestOutcome.CutByKill : RequestOutcome.Broken,
    };

    public override string ToString() =>
        $"request {Id} ({Plan}) of instance {Life}: {Words.Of(End)}, status {Status}"
        + (Reason is null ? "" : $", reason {Reason}, executed {Executed}")
        + (End == WireEnd.Whole && Reason is null && !AsWritten ? ", not the answer of the function" : "")
        + (Detail is null ? "" : $", {Detail}");
}

/// <summary>Reasons for which the product may turn a request away, always before it has run (docs/errors.md).</summary>
internal static class Refusals
{
    public static readonly IReadOnlySet<string> Declared = new HashSet<string>(StringComparer.Ordinal)
    {
        "starting", "draining", "queue-full", "deadline-unreachable",
        "plane-unavailable", "resyncing", "rate-limited", "breaker-open", "queue-timeout", "no-worker", "replica-limit", "no-memory",
        "initializer-failed", "initializer-timeout",
    };
}

/// <summary>Counters of an instance, from its admin port or from a receipt.</summary>
internal sealed record Counters(long Accepted, long Completed, long Failed, long Cancelled, long Abandoned, long InFlight)
{
    /// <summary>Accepted less all that is accounted for: 0 by the law of conservation.</summary>
    public long Missing => Accepted - Completed - Failed - Cancelled - Abandoned - InFlight;

    public override string ToString() =>
        $"accepted {Accepted}, completed {Completed}, failed {Failed}, cancelled {Cancelled}, abandoned {Abandoned}, in flight {InFlight}";
}

/// <summary>What the clients of an instance had seen at an instant at which none of their requests was open.</summary>
/// <param name="Sent">Requests sent so far.</param>
/// <param name="Answers">Whole answers of functions.</param>
/// <param name="Errors">Errors of the gateway's own.</param>
/// <param name="Refused">Of these, refusals: a request may be refused before it is accepted.</param>
internal sealed record Tally(int Sent, int Answers, int Errors, int Refused);

/// <summary>Counters read while an instance lives.</summary>
/// <param name="Life">The instance.</param>
/// <param name="When">In which step, in words.</param>
/// <param name="Read">What was read.</param>
/// <param name="Drift">What the instance itself says is missing.</param>
/// <param name="Clients">What the clients had seen; null while requests of theirs were open.</param>
internal sealed record CountersFact(Life Life, string When, Counters Read, long Drift, Tally? Clients);

/// <summary>What a hook says it did.</summary>
internal sealed record Receipt(string Hook, string InstanceId, Counters Counters, string Verdict, bool CalledOff);

/// <summary>A call of a hook.</summary>
/// <param name="Life">The instance.</param>
/// <param name="Path">Which one: /initialize, /pre-freeze or /pre-stop.</param>
/// <param name="Status">The status; 0 if no answer came within the limit.</param>
/// <param name="Took">How long it took.</param>
/// <param name="Limit">How long it may take.</param>
internal sealed record HookFact(Life Life, string Path, int Status, TimeSpan Took, TimeSpan Limit)
{
    /// <summary>The id of the instance, as the platform told it.</summary>
    public string InstanceId { get; init; } = "";

    /// <summary>The receipt of a /pre-freeze or /pre-stop that answered 200; null if there is none.</summary>
    public Receipt? Receipt { get; init; }

    /// <summary>The reason of an error; null if it is none of the gateway's.</summary>
    public string? Reason { get; init; }

    /// <summary>What else can be told.</summary>
    public string? Detail { get; init; }

    public override string ToString() =>
        $"{Path} of instance {Life}: status {Status} after {Took.TotalMilliseconds:F0} ms"
        + (Reason is null ? "" : $", reason {Reason}")
        + (Detail is null ? "" : $", {Detail}");
}

/// <summary>A thaw.</summary>
/// <param name="Life">The instance.</param>
/// <param name="Frozen">How long it was frozen.</param>
/// <param name="First">The id of the request that it was thawed for; null if it was thawed for a stop.</param>
/// <param name="Latency">From the thaw to the last byte of the first answer.</param>
internal sealed record ThawFact(Life Life, TimeSpan Frozen, string? First, TimeSpan Latency);

/// <summary>How an instance ended.</summary>
internal enum LifeEnd
{
    Stopped,
    Killed,
    Interrupted,
    Crashed,
}

/// <summary>The end of an instance.</summary>
/// <param name="Life">The instance.</param>
/// <param name="End">How.</param>
internal sealed record LifeFact(Life Life, LifeEnd End)
{
    /// <summary>The gateway's exit code, where it ended by itself when asked to; null otherwise.</summary>
    public int? ExitCode { get; init; }

    /// <summary>Whether SIGTERM did not do and SIGKILL had to, though the stop was not a kill.</summary>
    public bool HadToBeKilled { get; init; }

    /// <summary>Processes of the instance that were there after its end.</summary>
    public int LeftProcesses { get; init; }

    /// <summary>Socket files that were there after a stop.</summary>
    public IReadOnlyList<string> LeftFiles { get; init; } = [];

    /// <summary>Of a crash: what happened.</summary>
    public string? Detail { get; init; }
}

/// <summary>How often the functions of an instance began and ended for a request id, as they themselves noted it.</summary>
/// <param name="Life">The instance.</param>
/// <param name="Id">The request id.</param>
/// <param name="Starts">Begun.</param>
/// <param name="Ends">Ended.</param>
internal sealed record ExecutionFact(Life Life, string Id, int Starts, int Ends);

/// <summary>What the view of the fleet showed of an instance.</summary>
/// <param name="Id">The instance; empty: the view could not be read.</param>
/// <param name="State">What the box had done to it, before and after the reading.</param>
/// <param name="Shown">The standing.</param>
/// <param name="AtEnd">Whether it was the last reading, when silence has told all it can.</param>
internal sealed record FleetFact(string Id, string State, string Shown, bool AtEnd);

/// <summary>All that was seen in a run.</summary>
internal sealed record RunFacts
{
    public IReadOnlyList<SentFact> Sent { get; init; } = [];

    public IReadOnlyList<RequestFact> Requests { get; init; } = [];

    public IReadOnlyList<CountersFact> Counters { get; init; } = [];

    public IReadOnlyList<HookFact> Hooks { get; init; } = [];

    public IReadOnlyList<ThawFact> Thaws { get; init; } = [];

    public IReadOnlyList<LifeFact> Lives { get; init; } = [];

    public IReadOnlyList<ExecutionFact> Executions { get; init; } = [];

    public IReadOnlyList<FleetFact> Fleet { get; init; } = [];

    /// <summary>How many instances were started.</summary>
    public int Started { get; init; }

    /// <summary>How often an instance was frozen.</summary>
    public int Freezes { get; init; }

    /// <summary>What of the run itself was there after its end.</summary>
    public IReadOnlyList<string> LeftBehind { get; init; } = [];
}
