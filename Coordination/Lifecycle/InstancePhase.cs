namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>What an instance is doing.</summary>
public enum InstancePhase
{
    /// <summary>Not yet able to serve: its planes, its profiles or its reserved workers are awaited.</summary>
    Starting,

    /// <summary>Serving.</summary>
    Ready,

    /// <summary>
    /// Told that it will be frozen: what runs is let end, the last snapshot is published. A request that arrives calls the freeze off.
    /// </summary>
    Freezing,

    /// <summary>The freeze hook has ended: the platform may stop the process's clock at any moment, or not.</summary>
    Frozen,

    /// <summary>Told to stop: what runs is let end within the budget, new requests are refused.</summary>
    Draining,

    /// <summary>Nothing runs any more, and nothing will.</summary>
    Stopped,
}
