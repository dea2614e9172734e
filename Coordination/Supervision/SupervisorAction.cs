namespace NoslateFleet.Coordination.Supervision;

/// <summary>What is to be done.</summary>
public enum SupervisorActionKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Start the part. Answered by Started or StartFailed.</summary>
    Start,

    /// <summary>Have the start under way end soon. It still gives its own answer.</summary>
    CancelStart,

    /// <summary>After the delay, find out whether the part can be relied on. Answered by Verified, Unsure or Broken. Takes the place of an earlier one.</summary>
    Verify,

    /// <summary>Stop the part and clear it away. Answered by Ended.</summary>
    Stop,

    /// <summary>Wait for the delay. Answered by PauseOver.</summary>
    Pause,

    /// <summary>Give up what is waited for: the end.</summary>
    Finish,
}

/// <summary>One thing to do.</summary>
/// <param name="Kind">What.</param>
/// <param name="Turn">Its number, which the answer bears.</param>
/// <param name="Life">Which life of the part it is about.</param>
/// <param name="Delay">How long to wait before.</param>
/// <param name="Graceful">For a stop: whether the part is to say goodbye. False for one that is of no use any more.</param>
public readonly record struct SupervisorAction(SupervisorActionKind Kind, long Turn, long Life, TimeSpan Delay = default, bool Graceful = false)
{
    /// <summary>Nothing to do.</summary>
    public static SupervisorAction None => default;
}
