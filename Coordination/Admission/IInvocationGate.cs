using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Admission;

/// <summary>
/// The way of each invocation in and out: what stands between who forwards it and the admission that counts it. Whatever a gate does
/// on the way, it never decides otherwise than the admission behind it, and never makes an invocation wait or fail. Safe under concurrent
/// callers.
/// </summary>
public interface IInvocationGate
{
    /// <summary>Accepts an invocation, waits for a slot, or refuses, as <see cref="AdmissionController.AdmitAsync"/> does.</summary>
    /// <param name="target">The function's or service's name.</param>
    /// <param name="requestId">The request's id.</param>
    /// <param name="timeLeft">Time until the request's deadline; <see cref="Timeout.InfiniteTimeSpan"/>: none.</param>
    /// <param name="cancellationToken">Gives up waiting, without a trace. Has no effect on what was accepted.</param>
    /// <returns>An acceptance, to be given to <see cref="End"/> exactly once; or why there is none.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before a decision.</exception>
    ValueTask<AdmissionResult> AdmitAsync(string target, string requestId, TimeSpan timeLeft, CancellationToken cancellationToken);

    /// <summary>
    /// Ends an accepted invocation. A ticket that somebody else has closed stays as it is. It may be counted as ended only a moment
    /// after the call has returned.
    /// </summary>
    /// <param name="admitted">What <see cref="AdmitAsync"/> gave; it must not be given again.</param>
    /// <param name="outcome">How it ended.</param>
    void End(in AdmissionResult admitted, Outcome outcome);
}
