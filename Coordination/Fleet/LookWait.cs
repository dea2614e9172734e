namespace NoslateFleet.Coordination.Fleet;

/// <summary>For what a <see cref="LookLoop"/> waits besides being told.</summary>
/// <param name="Longest">After which time it looks all the same; <see cref="Timeout.InfiniteTimeSpan"/>: only when told.</param>
/// <param name="Until">Whose end makes it look; null: nothing's.</param>
internal readonly record struct LookWait(TimeSpan Longest, Task? Until = null);
