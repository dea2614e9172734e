using System.Text.Json.Serialization;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet.Wire;

/// <summary>A snapshot as it is stored: <see cref="InstanceSnapshot"/> in plain, absent where zero or empty. Times in ms, points in time since 1970.</summary>
internal sealed class SnapshotMessage
{
    public int Schema { get; set; }

    public string? InstanceId { get; set; }

    public string? Boot { get; set; }

    public long Epoch { get; set; }

    public long Sequence { get; set; }

    [JsonConverter(typeof(EnumNames<InstancePhase>))]
    public InstancePhase? Phase { get; set; }

    public long AsOf { get; set; }

    public long? NextWithin { get; set; }

    public int InFlight { get; set; }

    public bool Ending { get; set; }

    public long Accepted { get; set; }

    public long Completed { get; set; }

    public long Failed { get; set; }

    public long Cancelled { get; set; }

    public long Abandoned { get; set; }

    public List<FunctionMessage?>? Functions { get; set; }

    public int LeftOut { get; set; }

    public string? LastReceipt { get; set; }

    public string? ProfileVersion { get; set; }

    public long? FleetProfileVersion { get; set; }

    public string? FleetProfileError { get; set; }

    public string? ContainerLife { get; set; }

    [JsonConverter(typeof(EnumNames<FleetTopology>))]
    public FleetTopology? Topology { get; set; }

    public string? ProgramVersion { get; set; }

    public int? MaxConcurrent { get; set; }
}

/// <summary>A function within a snapshot.</summary>
internal sealed class FunctionMessage
{
    public string? Name { get; set; }

    [JsonConverter(typeof(EnumNames<FunctionTemperature>))]
    public FunctionTemperature? Temperature { get; set; }

    public List<WorkerMessage?>? Workers { get; set; }

    public long Accepted { get; set; }

    public long Completed { get; set; }

    public long Failed { get; set; }

    public long Cancelled { get; set; }

    public long Abandoned { get; set; }

    public int InFlight { get; set; }

    /// <summary>Mean service time in ticks of 100 ns.</summary>
    public long? MeanTicks { get; set; }

    public long ColdStarts { get; set; }

    public long ColdStartsAvoided { get; set; }

    public long Refused { get; set; }

    public long? AsOf { get; set; }
}

/// <summary>A worker within a function.</summary>
internal sealed class WorkerMessage
{
    public string? Name { get; set; }

    [JsonConverter(typeof(EnumNames<WorkerState>))]
    public WorkerState? State { get; set; }

    public int Active { get; set; }

    public int? Max { get; set; }
}
