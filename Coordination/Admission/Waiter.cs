using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Admission;

/// <summary>
/// A request that waits for a slot. Guarded by the ledger's stripes, all of them; settled exactly once, when it is taken out of its line.
/// </summary>
internal sealed class Waiter(WaitingLine line, string target, string requestId, long? deadline, TimeSpan expectedWait)
{
    /// <summary>Its continuations are the request's own code: they must not run under our locks.</summary>
    public readonly TaskCompletionSource<AdmissionResult> Settled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public readonly WaitingLine Line = line;
    public readonly string Target = target;
    public readonly string RequestId = requestId;

    /// <summary>The clock's timestamp at which it gives up; null: never.</summary>
    public readonly long? Deadline = deadline;
    public readonly TimeSpan ExpectedWait = expectedWait;

    /// <summary>Its place among all that wait.</summary>
    public long Number;
    public Waiter? Ahead;
    public Waiter? Behind;
    public bool InLine;
}
