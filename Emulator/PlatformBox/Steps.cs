namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>One life of an instance: a slot is filled again after a stop or a kill.</summary>
/// <param name="Slot">Which of the instances that there are at a time, from 0.</param>
/// <param name="Number">Which instance in this slot, from 1.</param>
internal readonly record struct Life(int Slot, int Number)
{
    public override string ToString() => $"{Slot}.{Number}";
}

/// <summary>How an instance is frozen and found again.</summary>
internal enum FreezeKind
{
    /// <summary>No connection is open; the next request opens one.</summary>
    Quiet,

    /// <summary>Idle connections stay open; the next request comes on one of them.</summary>
    IdleConnections,

    /// <summary>The next request lies in the socket while the instance is frozen.</summary>
    NextInSocket,

    /// <summary>Half of the next request was sent before the freeze, the rest comes while it lasts.</summary>
    HalfInSocket,

    /// <summary>A function runs on whose client has left. Newer platform: the older one waits for it.</summary>
    Running,

    /// <summary>
    /// Requests come just before and while /pre-freeze runs; the platform calls it once more before it freezes. Older platform.
    /// </summary>
    DuringPreFreeze,
}

/// <summary>What an instance is doing when it is stopped or killed.</summary>
internal enum EndKind
{
    /// <summary>Nothing.</summary>
    Idle,

    /// <summary>Requests are running.</summary>
    Busy,

    /// <summary>It is frozen.</summary>
    Frozen,
}

/// <summary>One step of a schedule. The steps of a slot run one after the other, those of several slots at the same time.</summary>
/// <param name="At">When it begins at the earliest, in milliseconds.</param>
/// <param name="Life">Whose step it is.</param>
internal abstract record Step(int At, Life Life)
{
    public abstract IEnumerable<ScheduledRequest> Requests { get; }

    protected abstract string Text { get; }

    public sealed override string ToString() => $"{At,7} ms  instance {Life}  {Text}";

    protected static string List(string before, IReadOnlyCollection<ScheduledRequest> requests) =>
        requests.Count == 0 ? "" : $"{before}{string.Join(", ", requests)}";
}

/// <summary>How often /initialize is called.</summary>
internal enum InitializeCalls
{
    /// <summary>None is configured: the first request has to do.</summary>
    None,
    Once,

    /// <summary>Once more after its success.</summary>
    Twice,
}

/// <summary>A new instance is started and initialised.</summary>
/// <param name="At">As in <see cref="Step"/>.</param>
/// <param name="Life">As in <see cref="Step"/>.</param>
/// <param name="Calls">How often /initialize is called.</param>
internal sealed record StartStep(int At, Life Life, InitializeCalls Calls) : Step(At, Life)
{
    public override IEnumerable<ScheduledRequest> Requests => [];

    protected override string Text => $"start, initialize {Words.Of(Calls)}";
}

/// <summary>Requests are sent; the step ends when each has ended.</summary>
/// <param name="At">As in <see cref="Step"/>.</param>
/// <param name="Life">As in <see cref="Step"/>.</param>
/// <param name="Load">The requests.</param>
/// <param name="CountersAt">When the instance's counters are read meanwhile, in milliseconds after the step has begun; null: not.</param>
internal sealed record LoadStep(int At, Life Life, IReadOnlyList<ScheduledRequest> Load, int? CountersAt) : Step(At, Life)
{
    public override IEnumerable<ScheduledRequest> Requests => Load;

    protected override string Text => $"load{List(" ", Load)}{(CountersAt is { } at ? $"; counters +{at}" : "")}";
}

/// <summary>The instance is frozen as soon as its last response has ended, and thawed for the next request.</summary>
/// <param name="At">As in <see cref="Step"/>.</param>
/// <param name="Life">As in <see cref="Step"/>.</param>
/// <param name="Kind">How.</param>
/// <param name="Frozen">How long, in milliseconds.</param>
/// <param name="Connections">How many idle connections stay open.</param>
/// <param name="Before">The request whose client leaves just before, or those that come around /pre-freeze.</param>
/// <param name="First">The request that thaws it.</param>
internal sealed record FreezeStep(
    int At, Life Life, FreezeKind Kind, int Frozen, int Connections, IReadOnlyList<ScheduledRequest> Before, ScheduledRequest First)
    : Step(At, Life)
{
    /// <summary>When /pre-freeze is called, in milliseconds after the requests around it begin.</summary>
    public const int HookOffset = 15;

    public override IEnumerable<ScheduledRequest> Requests => [.. Before, First];

    protected override string Text =>
        $"freeze {Words.Of(Kind)}{List(" ", Before)}; {Connections} connections, {Frozen} ms; thaw {First}";
}

/// <summary>The instance is stopped by /pre-stop, then by SIGTERM.</summary>
/// <param name="At">As in <see cref="Step"/>.</param>
/// <param name="Life">As in <see cref="Step"/>.</param>
/// <param name="Kind">What it is doing.</param>
/// <param name="Delay">How long it has been doing so, in milliseconds.</param>
/// <param name="Running">The requests that run.</param>
/// <param name="Late">Requests that come after /pre-stop was called.</param>
internal sealed record StopStep(
    int At, Life Life, EndKind Kind, int Delay, IReadOnlyList<ScheduledRequest> Running, IReadOnlyList<ScheduledRequest> Late)
    : Step(At, Life)
{
    public override IEnumerable<ScheduledRequest> Requests => Running.Concat(Late);

    protected override string Text => $"stop {Words.Of(Kind)} after {Delay} ms{List("; running ", Running)}{List("; late ", Late)}";
}

/// <summary>The whole instance is ended by SIGKILL.</summary>
/// <param name="At">As in <see cref="Step"/>.</param>
/// <param name="Life">As in <see cref="Step"/>.</param>
/// <param name="Kind">What it is doing.</param>
/// <param name="Delay">How long it has been doing so, in milliseconds.</param>
/// <param name="Running">The requests that run.</param>
internal sealed record KillStep(int At, Life Life, EndKind Kind, int Delay, IReadOnlyList<ScheduledRequest> Running) : Step(At, Life)
{
    public override IEnumerable<ScheduledRequest> Requests => Running;

    protected override string Text => $"kill {Words.Of(Kind)} after {Delay} ms{List("; running ", Running)}";
}
