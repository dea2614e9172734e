using System.Text.Json;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>What this process's objects know of the instance.</summary>
/// <param name="lifecycle">Its life.</param>
/// <param name="ledger">Its invocations.</param>
/// <param name="board">Its functions.</param>
/// <param name="membership">How it belongs to a fleet.</param>
/// <param name="containerLife">What tells this life of the container from others; null where nothing does.</param>
/// <param name="profiles">Tells of the profiles that the node has.</param>
/// <param name="time">The clock.</param>
public sealed class InstanceSnapshotSource(
    InstanceLifecycle lifecycle,
    InvocationLedger ledger,
    FunctionBoard board,
    FleetMembership membership,
    string? containerLife,
    Func<AppliedProfiles> profiles,
    TimeProvider time) : ISnapshotSource
{
    private Receipt? _written;
    private string? _writtenJson;

    /// <summary>The version of the program; null: it is not told.</summary>
    public string? ProgramVersion { get; init; }

    /// <summary>Invocations that the instance takes at a time; null: it is not told.</summary>
    public int? MaxConcurrent { get; init; }

    /// <inheritdoc/>
    public string InstanceId => lifecycle.Identity.InstanceId;

    /// <inheritdoc/>
    public string Boot => lifecycle.Identity.Boot;

    /// <inheritdoc/>
    public int InFlight => ledger.InFlight;

    /// <inheritdoc/>
    public long Accepted => ledger.Snapshot().Accepted;

    /// <inheritdoc/>
    public InstanceSnapshot Take(long sequence)
    {
        var state = lifecycle.State;
        var counts = ledger.Snapshot();
        var applied = profiles();
        return new InstanceSnapshot
        {
            InstanceId = InstanceId,
            Boot = Boot,
            Epoch = state.Epoch,
            Sequence = sequence,
            Phase = state.Phase,
            AsOf = time.GetUtcNow(),
            InFlight = counts.InFlight,
            Accepted = counts.Accepted,
            Completed = counts.Completed,
            Failed = counts.Failed,
            Cancelled = counts.Cancelled,
            Abandoned = counts.Abandoned,
            Functions = board.ListKnown(),
            LastReceiptJson = LastReceipt(),
            ProfileVersion = applied.Version,
            FleetProfileVersion = applied.FleetVersion,
            FleetProfileError = applied.FleetError,
            ContainerLife = containerLife,
            Topology = membership.Topology,
            ProgramVersion = ProgramVersion,
            MaxConcurrent = MaxConcurrent,
        };
    }

    /// <inheritdoc/>
    public IReadOnlyList<InstanceRecord> RecordsAfter(ref long mark)
    {
        var events = lifecycle.Recorder.After(mark);
        if (events.Count == 0)
        {
            return [];
        }

        mark = events[^1].Sequence;
        return
        [
            .. events.Select(e => new InstanceRecord(
                RecordKind.RecorderEvent, Boot, e.Epoch, e.At, JsonSerializer.Serialize(e, LifecycleRecords.Default.FlightEvent))),
        ];
    }

    /// <inheritdoc/>
    public void RaiseEpoch(long epoch) => lifecycle.RaiseEpoch(epoch);

    // The same receipt is in every snapshot until the next: written once.
    private string? LastReceipt()
    {
        var receipt = lifecycle.LastReceipt;
        if (!ReferenceEquals(receipt, _written))
        {
            _writtenJson = receipt is null ? null : JsonSerializer.Serialize(receipt, LifecycleRecords.Default.Receipt);
            _written = receipt;
        }

        return _writtenJson;
    }
}
