namespace NoslateFleet.Coordination.Invocations;

/// <summary>How an accepted invocation ended. Every one ends as exactly one of these.</summary>
public enum Outcome
{
    /// <summary>The whole answer was passed on, whatever its status.</summary>
    Completed,

    /// <summary>Our fault, the worker's or the plane's; a deadline that passed included.</summary>
    Failed,

    /// <summary>The client left.</summary>
    Cancelled,

    /// <summary>Given up by a forced stop.</summary>
    Abandoned,
}
