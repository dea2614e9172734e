namespace NoslateFleet.Coordination.Fleet;

/// <summary>What has changed in the directory since a version.</summary>
/// <param name="AsOf">When it was read, by the directory's own clock: the clock of <see cref="DirectoryEntry.ReceivedAt"/>.</param>
/// <param name="Version">The version up to which this page tells: where the next one begins.</param>
/// <param name="More">Whether there is more by now: the page was full.</param>
/// <param name="Reset">
/// Whether the reader has to forget all it had: the version asked for is of another directory (one that was restarted empty, say). The
/// page then begins at the start.
/// </param>
/// <param name="Changed">Each changed instance's last snapshot, the longest unchanged first.</param>
/// <param name="Removed">Instances that are in the directory no more.</param>
public sealed record DirectoryPage(
    DateTimeOffset AsOf,
    DirectoryVersion Version,
    bool More,
    bool Reset,
    IReadOnlyList<DirectoryEntry> Changed,
    IReadOnlyList<string> Removed);
