using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>What an instance tells the fleet about itself.</summary>
public sealed record InstanceSnapshot
{
    /// <summary>
    /// The schema of the snapshots this version writes. Readers take those of other numbers as far as they understand them.
    /// </summary>
    public const int CurrentSchema = 1;

    /// <summary>The schema's number.</summary>
    public int Schema { get; init; } = CurrentSchema;

    /// <summary>The instance: FC_INSTANCE_ID, else POD_NAME, else the host's name.</summary>
    public required string InstanceId { get; init; }

    /// <summary>The process's random id.</summary>
    public required string Boot { get; init; }

    /// <summary>Counts the instance's lives: one more at each process start and at each thaw.</summary>
    public required long Epoch { get; init; }

    /// <summary>Counts the snapshots of one boot, from 1: which of two is newer, where the epoch is the same.</summary>
    public required long Sequence { get; init; }

    /// <summary>What the instance is doing.</summary>
    public required InstancePhase Phase { get; init; }

    /// <summary>When it was made, by the instance's clock.</summary>
    public required DateTimeOffset AsOf { get; init; }

    /// <summary>
    /// Within which time the instance means to publish again; null: not before something changes, so its silence means nothing yet.
    /// </summary>
    public TimeSpan? NextWithin { get; init; }

    /// <summary>Open tickets of the instance.</summary>
    public int InFlight { get; init; }

    /// <summary>
    /// Whether what is in flight says nothing about a silence that follows: the last response's end is about to be written, and a freeze may follow at
    /// once, or it has begun less than a heartbeat ago. Readers take such an instance as idle.
    /// </summary>
    public bool Ending { get; init; }

    /// <summary>Invocations accepted by this boot.</summary>
    public long Accepted { get; init; }

    /// <summary>Of these, completed.</summary>
    public long Completed { get; init; }

    /// <summary>Failed.</summary>
    public long Failed { get; init; }

    /// <summary>Cancelled by their clients.</summary>
    public long Cancelled { get; init; }

    /// <summary>Given up by a forced stop.</summary>
    public long Abandoned { get; init; }

    /// <summary>Its functions.</summary>
    public IReadOnlyList<FunctionStatus> Functions { get; init; } = [];

    /// <summary>The last receipt of a hook, as JSON; null if there was none.</summary>
    public string? LastReceiptJson { get; init; }

    /// <summary>The version of the profiles that the node has; null while it has none.</summary>
    public string? ProfileVersion { get; init; }

    /// <summary>The version of the fleet's profiles that the node has; null while it goes by the instance's own file.</summary>
    public long? FleetProfileVersion { get; init; }

    /// <summary>Why the fleet's newest profiles could not be applied; null if they were, or there are none.</summary>
    public string? FleetProfileError { get; init; }

    /// <summary>
    /// What tells this life of the container from others under the same instance id: the pod's UID, or Function Compute's instance id;
    /// null where nothing does. Orders hold for it across restarts of the process.
    /// </summary>
    public string? ContainerLife { get; init; }

    /// <summary>How the instance belongs to a fleet.</summary>
    public FleetTopology Topology { get; init; }

    /// <summary>The version of the program; null of one that does not tell.</summary>
    public string? ProgramVersion { get; init; }

    /// <summary>Invocations that it takes at a time; null of one that does not tell.</summary>
    public int? MaxConcurrent { get; init; }

    /// <summary>Functions and workers that are not listed for want of room, see <see cref="SnapshotBounds"/>.</summary>
    public int LeftOut { get; init; }

    /// <summary>Accepted less all that is accounted for: 0 by the conservation law.</summary>
    public long Drift => Accepted - Completed - Failed - Cancelled - Abandoned - InFlight;
}
