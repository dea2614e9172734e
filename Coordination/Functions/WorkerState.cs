namespace NoslateFleet.Coordination.Functions;

/// <summary>What a worker is doing.</summary>
public enum WorkerState
{
    /// <summary>Being started.</summary>
    Created,

    /// <summary>Able to take requests.</summary>
    Ready,

    /// <summary>Being stopped: it takes no new requests.</summary>
    PendingStop,

    /// <summary>Gone.</summary>
    Stopped,

    /// <summary>Cannot be told.</summary>
    Unknown,
}
