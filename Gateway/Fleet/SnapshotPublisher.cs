using System.Text.Json;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Fleet;

/// <summary>Tells the fleet directory how this instance stands, and leaves its last words there.</summary>
internal sealed class SnapshotPublisher(IFleetDirectory directory, InvocationLedger ledger, FunctionBoard board, INoslateNode node, TimeProvider time)
    : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private long _sequence;
    private long _recorded;

    public void Dispose() => _turn.Dispose();

    /// <summary>Publishes a snapshot, the receipt, and what the recorder has seen since the last time.</summary>
    /// <param name="receipt">What the hook has done so far.</param>
    /// <param name="recorder">The flight recorder.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task PublishAsync(Receipt receipt, FlightRecorder recorder, CancellationToken cancellationToken)
    {
        // One after the other: the sequence is the order in which they are published.
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var receiptJson = JsonSerializer.Serialize(receipt, LifecycleJson.Default.Receipt);
            var counts = ledger.Snapshot();
            await directory.PublishAsync(
                new InstanceSnapshot
                {
                    InstanceId = receipt.InstanceId,
                    Boot = receipt.Boot,
                    Epoch = receipt.Epoch,
                    Sequence = ++_sequence,
                    Phase = receipt.Phase,
                    AsOf = time.GetUtcNow(),
                    InFlight = counts.InFlight,
                    Accepted = counts.Accepted,
                    Completed = counts.Completed,
                    Failed = counts.Failed,
                    Cancelled = counts.Cancelled,
                    Abandoned = counts.Abandoned,
                    Functions = board.List(),
                    LastReceiptJson = receiptJson,
                    ProfileVersion = node.Status.Profiles is { State: ProfilesState.Applied } applied ? applied.Version : null,
                },
                cancellationToken);
            var events = recorder.After(_recorded);
            List<InstanceRecord> records =
            [
                .. events.Select(e => new InstanceRecord(
                    RecordKind.RecorderEvent, receipt.Boot, e.Epoch, e.At, JsonSerializer.Serialize(e, LifecycleJson.Default.FlightEvent))),
                new InstanceRecord(RecordKind.Receipt, receipt.Boot, receipt.Epoch, receipt.At, receiptJson),
            ];
            await directory.AppendAsync(receipt.InstanceId, records, cancellationToken);
            _recorded = events.Count > 0 ? events[^1].Sequence : _recorded;
        }
        finally
        {
            _turn.Release();
        }
    }
}
