namespace NoslateFleet.Coordination.Supervision;

/// <summary>What a supervisor is told.</summary>
public enum SupervisorEventKind
{
    /// <summary>Begin: the first start is wanted.</summary>
    Begin,

    /// <summary>The start has succeeded.</summary>
    Started,

    /// <summary>The start has failed, and nothing of it is left.</summary>
    StartFailed,

    /// <summary>The part was looked at and can be relied on.</summary>
    Verified,

    /// <summary>It could not be found out whether the part can be relied on.</summary>
    Unsure,

    /// <summary>The part runs and does not work.</summary>
    Broken,

    /// <summary>The part is of no use any more: declared dead by others, or struck off their list.</summary>
    Lost,

    /// <summary>The processor stood still: what was known may be so no more.</summary>
    Thawed,

    /// <summary>The part has stopped, well or not, and nothing of it is left.</summary>
    Ended,

    /// <summary>The pause before the next start is over.</summary>
    PauseOver,

    /// <summary>The process is ending: stop, and start no more.</summary>
    StopAsked,
}

/// <summary>One thing that a supervisor is told.</summary>
/// <param name="Kind">What.</param>
/// <param name="Number">
/// For an answer, the <see cref="SupervisorAction.Turn"/> of the action it answers; for <see cref="SupervisorEventKind.Lost"/>, the life that
/// was lost; else 0. What answers an earlier action, or tells of an earlier life, is passed over.
/// </param>
/// <param name="Detail">Why, in words; null where there is nothing to tell.</param>
public readonly record struct SupervisorEvent(SupervisorEventKind Kind, long Number = 0, string? Detail = null);
