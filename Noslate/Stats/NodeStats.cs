namespace NoslateFleet.Noslate.Stats;

/// <summary>What a worker is doing, inferred from what the planes tell: they never send a worker's status itself.</summary>
public enum WorkerState
{
    /// <summary>Being started: no process id yet.</summary>
    Created,

    /// <summary>Able to take requests.</summary>
    Ready,

    /// <summary>Being stopped.</summary>
    PendingStop,

    /// <summary>Gone; seen in the last picture and no longer.</summary>
    Stopped,

    /// <summary>Cannot be told.</summary>
    Unknown,
}

/// <summary>One worker of a function.</summary>
/// <param name="Name">The worker's name on the node.</param>
/// <param name="State">What it is doing.</param>
/// <param name="ProcessId">Its process id on the node; null while it has none.</param>
/// <param name="RegisteredAt">When it registered; null if unknown.</param>
/// <param name="ActiveRequests">Requests it holds: live where the data plane tells, else up to 10 s old.</param>
public sealed record WorkerPicture(string Name, WorkerState State, int? ProcessId, DateTimeOffset? RegisteredAt, int ActiveRequests);

/// <summary>One function and its workers.</summary>
/// <param name="Name">The function's name.</param>
/// <param name="Runtime">Its runtime; null if the control plane did not tell.</param>
/// <param name="MaxActivateRequests">Requests that one worker takes at a time; null if unknown.</param>
/// <param name="ReplicaCountLimit">Workers at the most; null if unknown.</param>
/// <param name="ReservationCount">Workers kept without requests; null if unknown.</param>
/// <param name="Starting">Workers being started.</param>
/// <param name="Ready">Workers able to take requests.</param>
/// <param name="Stopping">Workers being stopped.</param>
/// <param name="Workers">Each worker.</param>
public sealed record FunctionPicture(
    string Name,
    string? Runtime,
    int? MaxActivateRequests,
    int? ReplicaCountLimit,
    int? ReservationCount,
    int Starting,
    int Ready,
    int Stopping,
    IReadOnlyList<WorkerPicture> Workers);

/// <summary>The merged picture of a node's functions and workers.</summary>
/// <param name="Functions">Each function that has a profile or a worker, by name.</param>
/// <param name="TrafficAsOf">When the data planes' live numbers were read; null if none answered.</param>
/// <param name="SnapshotAsOf">When the control plane's snapshot was read; null if it did not answer.</param>
/// <param name="Errors">What could not be read, one line each.</param>
public sealed record NodeStats(
    IReadOnlyList<FunctionPicture> Functions,
    DateTimeOffset? TrafficAsOf,
    DateTimeOffset? SnapshotAsOf,
    IReadOnlyList<string> Errors);
