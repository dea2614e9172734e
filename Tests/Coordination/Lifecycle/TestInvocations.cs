using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

/// <summary>A real ledger and a real admission, and doors at which a test can stand.</summary>
internal sealed class TestInvocations(InvocationLedger ledger, AdmissionController admission) : IInvocations
{
    private readonly TaskCompletionSource _finishing = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes once somebody waits for the end of what runs.</summary>
    public Task Finishing => _finishing.Task.WaitAsync(TimeSpan.FromSeconds(20));

    /// <summary>Called in the middle of <see cref="Open"/>, before it admits.</summary>
    public Action OnOpen { get; set; } = () => { };

    /// <summary>Called at the beginning of <see cref="AbandonAll"/>.</summary>
    public Action OnAbandon { get; set; } = () => { };

    public int InFlight => ledger.InFlight;

    public LedgerSnapshot Snapshot() => ledger.Snapshot();

    public Task WhenIdleAsync(CancellationToken cancellationToken)
    {
        var idle = ledger.WhenIdleAsync(cancellationToken);
        _finishing.TrySetResult();
        return idle;
    }

    public void Open()
    {
        OnOpen();
        admission.Open();
    }

    public void Close(bool stopped) => admission.Close(stopped ? RefusalReason.Stopped : RefusalReason.Draining);

    public int AbandonAll()
    {
        OnAbandon();
        return ledger.AbandonAll();
    }

    public void SetEpoch(long epoch) => ledger.Epoch = epoch;
}
