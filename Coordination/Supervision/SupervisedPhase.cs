namespace NoslateFleet.Coordination.Supervision;

/// <summary>Where a supervised part of the process stands, such as the silo's host.</summary>
public enum SupervisedPhase
{
    /// <summary>There is none: it was not begun yet, or the process is ending.</summary>
    Down,

    /// <summary>One is being started.</summary>
    Starting,

    /// <summary>It runs, but is not relied on yet: it has just started, or the processor stood still.</summary>
    Verifying,

    /// <summary>It runs and is relied on.</summary>
    Up,

    /// <summary>It is being stopped.</summary>
    Stopping,

    /// <summary>There is none; the next start comes after a pause.</summary>
    Waiting,
}
