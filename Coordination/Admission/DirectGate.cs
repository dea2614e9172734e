using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Admission;

/// <summary>The gate that has nothing in the way: admission itself.</summary>
/// <param name="admission">The admission.</param>
public sealed class DirectGate(AdmissionController admission) : IInvocationGate
{
    /// <inheritdoc/>
    public ValueTask<AdmissionResult> AdmitAsync(
        string target, string requestId, TimeSpan timeLeft, CancellationToken cancellationToken) =>
        admission.AdmitAsync(target, requestId, timeLeft, cancellationToken);

    /// <inheritdoc/>
    public void End(in AdmissionResult admitted, Outcome outcome) => admitted.Ticket.TryEnd(outcome);
}
