namespace NoslateFleet.Coordination.Supervision;

/// <summary>A supervisor at one instant.</summary>
/// <param name="Phase">Where the part stands.</param>
/// <param name="Life">How many times it was started.</param>
/// <param name="Turn">The number of the last action.</param>
/// <param name="Failures">How many times in a row it did not last: growing pauses follow from it.</param>
/// <param name="Breaks">How many times in a row it was found broken.</param>
/// <param name="Leaving">Why the present life is to end; null while it may go on.</param>
/// <param name="Trouble">The last thing that went wrong, in words; also after it was mended; null if nothing ever has.</param>
/// <param name="StopAsked">Whether the process is ending.</param>
/// <param name="UpSince">Since when the present life has been relied on, by the machine's clock; null if it never was.</param>
public sealed record SupervisorState(
    SupervisedPhase Phase,
    long Life,
    long Turn,
    int Failures,
    int Breaks,
    string? Leaving,
    string? Trouble,
    bool StopAsked,
    TimeSpan? UpSince)
{
    /// <summary>Before anything has happened.</summary>
    public static SupervisorState Initial { get; } = new(SupervisedPhase.Down, 0, 0, 0, 0, null, null, false, null);
}
