using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>The invocations of a gateway, for its lifecycle: admission, ledger and the connections beneath.</summary>
internal sealed class GatewayInvocations(InvocationLedger ledger, AdmissionController admission, Connections connections) : IInvocations
{
    public int InFlight => ledger.InFlight;

    public LedgerSnapshot Snapshot() => ledger.Snapshot();

    public Task WhenIdleAsync(CancellationToken cancellationToken) => ledger.WhenIdleAsync(cancellationToken);

    public void Open() => admission.Open();

    public void Close(bool stopped) => admission.Close(stopped ? RefusalReason.Stopped : RefusalReason.Draining);

    public int AbandonAll()
    {
        // The tickets first: what the cut does to an exchange must find its ticket ended.
        var count = ledger.AbandonAll();
        if (count > 0)
        {
            connections.CutInvocations();
        }

        return count;
    }

    public void SetEpoch(long epoch) => ledger.Epoch = epoch;
}
