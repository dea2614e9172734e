namespace NoslateFleet.Coordination.Admission;

/// <summary>Why an invocation was not accepted. It surely did not reach a worker.</summary>
public enum RefusalReason
{
    /// <summary>The instance is draining: it ends what it has and takes nothing new.</summary>
    Draining,

    /// <summary>The instance has stopped.</summary>
    Stopped,

    /// <summary>All slots are taken, and there is no place left to wait.</summary>
    QueueFull,

    /// <summary>The request's deadline would pass, or has passed, before a slot is free.</summary>
    DeadlineUnreachable,

    /// <summary>The instance knows its functions, and this is none of them.</summary>
    UnknownFunction,
}
