using System.Text.Json;
using NoslateFleet.Coordination.Fleet.Wire;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// A snapshot as it is stored: JSON in UTF-8, without what is zero or empty, times in whole milliseconds. Versions of this program read each
/// other's: unknown fields are passed over, and unknown names of a phase, state, temperature or topology read as the least that can be said.
/// </summary>
public static class SnapshotJson
{
    /// <summary>Writes a snapshot, within <see cref="SnapshotBounds"/>.</summary>
    /// <param name="snapshot">The snapshot.</param>
    public static byte[] Write(InstanceSnapshot snapshot) =>
        JsonSerializer.SerializeToUtf8Bytes(Of(SnapshotBounds.Apply(snapshot)), WireJson.Compact.SnapshotMessage);

    /// <summary>Reads a snapshot. Never throws, whatever the bytes are.</summary>
    /// <param name="utf8">What was stored.</param>
    /// <param name="snapshot">The snapshot; null if it could not be read.</param>
    public static FleetReading Read(ReadOnlySpan<byte> utf8, out InstanceSnapshot? snapshot)
    {
        var message = WireJson.Parse(utf8, WireJson.Compact.SnapshotMessage);
        if (message is not { InstanceId.Length: > 0, Boot.Length: > 0, Epoch: > 0, Sequence: > 0, Schema: > 0 })
        {
            snapshot = null;
            return WireJson.Lacking(message?.Schema);
        }

        snapshot = new InstanceSnapshot
        {
            Schema = message.Schema,
            InstanceId = message.InstanceId,
            Boot = message.Boot,
            Epoch = message.Epoch,
            Sequence = message.Sequence,

            // A phase that we don't know: not known to serve, nor to leave.
            Phase = message.Phase ?? InstancePhase.Starting,
            AsOf = WireJson.Time(message.AsOf),
            NextWithin = message.NextWithin is { } next ? WireJson.Span(next) : null,
            InFlight = Math.Max(0, message.InFlight),
            Ending = message.Ending,
            Accepted = message.Accepted,
            Completed = message.Completed,
            Failed = message.Failed,
            Cancelled = message.Cancelled,
            Abandoned = message.Abandoned,
            Functions = Functions(message.Functions),
            LeftOut = message.LeftOut,
            LastReceiptJson = message.LastReceipt,
            ProfileVersion = message.ProfileVersion,
            FleetProfileVersion = message.FleetProfileVersion,
            FleetProfileError = message.FleetProfileError,
            ContainerLife = message.ContainerLife,
            Topology = message.Topology ?? FleetTopology.Standalone,
            ProgramVersion = message.ProgramVersion,
            MaxConcurrent = message.MaxConcurrent,
        };
        return FleetReading.Read;
    }

    private static FunctionStatus[] Functions(List<FunctionMessage?>? messages)
    {
        if (messages is null)
        {
            return [];
        }

        var functions = new FunctionStatus[messages.Count];
        var count = 0;
        foreach (var function in messages)
        {
            if (function is not { Name: { } name })
            {
                continue;
            }

            functions[count++] = new FunctionStatus(
                name,
                function.Temperature,
                Workers(function.Workers),
                new FunctionCounters(
                    name,
                    function.Accepted,
                    function.Completed,
                    function.Failed,
                    function.Cancelled,
                    function.Abandoned,
                    function.InFlight,
                    function.MeanTicks is { } mean ? TimeSpan.FromTicks(mean) : null,
                    function.ColdStarts,
                    function.ColdStartsAvoided)
                {
                    Refused = function.Refused,
                },
                function.AsOf is { } asOf ? WireJson.Time(asOf) : null);
        }

        return count == functions.Length ? functions : functions[..count];
    }

    private static WorkerFact[] Workers(List<WorkerMessage?>? messages) =>
        messages is null
            ? []
            : [.. messages.Where(static worker => worker?.Name is not null)
                .Select(static worker => new WorkerFact(worker!.Name!, worker.State ?? WorkerState.Unknown, worker.Active, worker.Max))];

    private static SnapshotMessage Of(InstanceSnapshot snapshot) => new()
    {
        Schema = snapshot.Schema,
        InstanceId = snapshot.InstanceId,
        Boot = snapshot.Boot,
        Epoch = snapshot.Epoch,
        Sequence = snapshot.Sequence,
        Phase = snapshot.Phase,
        AsOf = snapshot.AsOf.ToUnixTimeMilliseconds(),
        NextWithin = snapshot.NextWithin is { } next ? (long)next.TotalMilliseconds : null,
        InFlight = snapshot.InFlight,
        Ending = snapshot.Ending,
        Accepted = snapshot.Accepted,
        Completed = snapshot.Completed,
        Failed = snapshot.Failed,
        Cancelled = snapshot.Cancelled,
        Abandoned = snapshot.Abandoned,
        Functions = snapshot.Functions.Count == 0 ? null : [.. snapshot.Functions.Select(Of)],
        LeftOut = snapshot.LeftOut,
        LastReceipt = snapshot.LastReceiptJson,
        ProfileVersion = snapshot.ProfileVersion,
        FleetProfileVersion = snapshot.FleetProfileVersion,
        FleetProfileError = snapshot.FleetProfileError,
        ContainerLife = snapshot.ContainerLife,
        Topology = snapshot.Topology,
        ProgramVersion = snapshot.ProgramVersion,
        MaxConcurrent = snapshot.MaxConcurrent,
    };

    private static FunctionMessage Of(FunctionStatus function) => new()
    {
        Name = function.Name,
        Temperature = function.Temperature,
        Workers = function.Workers.Count == 0 ? null : [.. function.Workers.Select(Of)],
        Accepted = function.Counters.Accepted,
        Completed = function.Counters.Completed,
        Failed = function.Counters.Failed,
        Cancelled = function.Counters.Cancelled,
        Abandoned = function.Counters.Abandoned,
        InFlight = function.Counters.InFlight,
        MeanTicks = function.Counters.MeanServiceTime?.Ticks,
        ColdStarts = function.Counters.ColdStarts,
        ColdStartsAvoided = function.Counters.ColdStartsAvoided,
        Refused = function.Counters.Refused,
        AsOf = function.AsOf?.ToUnixTimeMilliseconds(),
    };

    private static WorkerMessage Of(WorkerFact worker) =>
        new() { Name = worker.Name, State = worker.State, Active = worker.ActiveRequests, Max = worker.MaxActiveRequests };
}
