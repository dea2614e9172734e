namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>Whether a hook reached all it was meant to.</summary>
public enum Verdict
{
    /// <summary>Every step ended by itself.</summary>
    Clean,

    /// <summary>The budget was over first, a second signal came, or a step broke.</summary>
    Forced,
}

/// <summary>One step of a hook.</summary>
/// <param name="Step">Its name, as docs/lifecycle.md lists them.</param>
/// <param name="Ms">How long it took, in milliseconds.</param>
/// <param name="Outcome"><c>done</c>, <c>budget over</c>, <c>called off</c>, or <c>failed: </c> and why.</param>
public sealed record StepTime(string Step, double Ms, string Outcome)
{
    /// <summary>The step ended by itself.</summary>
    public const string Done = "done";

    /// <summary>Its time was over first.</summary>
    public const string BudgetOver = "budget over";

    /// <summary>A request came, or a stop took over.</summary>
    public const string CalledOff = "called off";
}

/// <summary>
/// What a freeze or stop hook did. The counters are those of the process since its start, all of the same instant, so that
/// accepted = completed + failed + cancelled + abandoned + in flight.
/// </summary>
/// <param name="Hook"><c>pre-freeze</c> or <c>pre-stop</c>.</param>
/// <param name="Cause">What began it: <c>hook</c>, <c>signal</c>, <c>order</c>.</param>
/// <param name="InstanceId">The instance.</param>
/// <param name="Boot">The process's random id.</param>
/// <param name="Epoch">The life of the instance in which it happened.</param>
/// <param name="Phase">The phase at its end.</param>
/// <param name="Accepted">Invocations accepted.</param>
/// <param name="Completed">Whole answers passed on.</param>
/// <param name="Failed">Ours, the worker's or the plane's fault.</param>
/// <param name="Cancelled">The client left.</param>
/// <param name="Abandoned">Given up by this stop.</param>
/// <param name="InFlight">Still open at its end.</param>
/// <param name="Steps">The steps in their order.</param>
/// <param name="Ms">How long all of it took, in milliseconds.</param>
/// <param name="Verdict">Whether all of it was reached.</param>
/// <param name="CalledOff">A freeze that a request or a stop has called off.</param>
/// <param name="At">When it ended, by the wall clock.</param>
public sealed record Receipt(
    string Hook,
    string Cause,
    string InstanceId,
    string Boot,
    long Epoch,
    InstancePhase Phase,
    long Accepted,
    long Completed,
    long Failed,
    long Cancelled,
    long Abandoned,
    int InFlight,
    IReadOnlyList<StepTime> Steps,
    double Ms,
    Verdict Verdict,
    bool CalledOff,
    DateTimeOffset At)
{
    /// <summary>The name of the freeze hook.</summary>
    public const string PreFreeze = "pre-freeze";

    /// <summary>The name of the stop hook.</summary>
    public const string PreStop = "pre-stop";
}
