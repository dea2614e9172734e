using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>What is known of a request at its end. Neither headers nor bodies nor its query are in it.</summary>
/// <param name="RequestId">Its id.</param>
/// <param name="Method">The HTTP method.</param>
/// <param name="Target">The function's or service's name, as asked for; empty before routing.</param>
/// <param name="Status">The status that was answered, or would have been had the client stayed.</param>
/// <param name="Outcome">How an accepted invocation ended; <see cref="Outcome.Failed"/> for what was refused.</param>
/// <param name="Accepted">Whether it was accepted.</param>
/// <param name="Reason">The problem's reason; null if there was none.</param>
/// <param name="Executed">Whether the function ran.</param>
/// <param name="Duration">From acceptance to the response's end; of what was refused, from its coming.</param>
/// <param name="QueueWait">From its coming to its acceptance.</param>
/// <param name="TimeToHead">From acceptance to the response's head; null without one.</param>
/// <param name="Bytes">Bytes of the response's body.</param>
internal readonly record struct EndedInvocation(
    string RequestId,
    string Method,
    string Target,
    int Status,
    Outcome Outcome,
    bool Accepted,
    string? Reason,
    Executed Executed,
    TimeSpan Duration,
    TimeSpan QueueWait,
    TimeSpan? TimeToHead,
    long Bytes);
