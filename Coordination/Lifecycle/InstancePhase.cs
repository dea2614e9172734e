namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>Where an instance stands in its life. <see cref="PhaseTable"/> tells which phase may follow which.</summary>
public enum InstancePhase
{
    /// <summary>Not initialised yet: the node is not reached, its profiles are not set, or reserved workers are missing.</summary>
    Starting,

    /// <summary>Serves.</summary>
    Ready,

    /// <summary>The platform has announced a freeze; what runs may end, a new request calls the freeze off.</summary>
    Freezing,

    /// <summary>Everything is flushed; the platform may stop the processor at any moment.</summary>
    Frozen,

    /// <summary>Leaving: what runs ends, new requests are refused once the lame duck time is over.</summary>
    Draining,

    /// <summary>Nothing runs and nothing is accepted; the process may be killed.</summary>
    Stopped,
}
