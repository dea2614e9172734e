namespace NoslateFleet.Coordination.Fleet;

/// <summary>All instances at one reading.</summary>
/// <param name="AsOf">When it was read, by the directory's own clock: the clock of <see cref="DirectoryEntry.ReceivedAt"/>.</param>
/// <param name="Entries">Each instance's last snapshot, by instance id.</param>
/// <param name="Unreadable">Instance ids whose entry is damaged or of a schema that can't be read.</param>
public sealed record DirectoryView(DateTimeOffset AsOf, IReadOnlyList<DirectoryEntry> Entries, IReadOnlyList<string> Unreadable)
{
    /// <summary>An entry's standing in this view.</summary>
    /// <param name="entry">One of <see cref="Entries"/>.</param>
    /// <param name="options">After how much silence.</param>
    public Standing StandingOf(DirectoryEntry entry, StandingOptions options) =>
        StandingRules.Of(entry.Snapshot, StandingRules.Age(entry.ReceivedAt, AsOf), options);
}
