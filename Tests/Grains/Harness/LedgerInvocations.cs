using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Tests.Grains.Harness;

/// <summary>A lifecycle's invocations: ledger and admission, and nothing beneath.</summary>
internal sealed class LedgerInvocations(InvocationLedger ledger, AdmissionController admission) : IInvocations
{
    public int InFlight => ledger.InFlight;

    public LedgerSnapshot Snapshot() => ledger.Snapshot();

    public Task WhenIdleAsync(CancellationToken cancellationToken) => ledger.WhenIdleAsync(cancellationToken);

    public void Open() => admission.Open();

    public void Close(bool stopped) => admission.Close(stopped ? RefusalReason.Stopped : RefusalReason.Draining);

    public int AbandonAll() => ledger.AbandonAll();

    public void SetEpoch(long epoch) => ledger.Epoch = epoch;
}
