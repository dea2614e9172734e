namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// Which of two snapshots of one instance is newer. By epoch first: a snapshot of an older life never replaces a newer one's. Within an
/// epoch only its first
/// boot counts, since each boot begins an epoch of its own; within a boot, the sequence. Clocks have no say.
/// </summary>
public static class SnapshotOrder
{
    /// <summary>What a directory does with a snapshot that arrives.</summary>
    /// <param name="present">The one it has; null: none.</param>
    /// <param name="arrived">The one that arrives.</param>
    public static PublishOutcome Judge(InstanceSnapshot? present, InstanceSnapshot arrived)
    {
        if (present is null || arrived.Epoch > present.Epoch)
        {
            return PublishOutcome.Published;
        }

        if (!string.Equals(arrived.Boot, present.Boot, StringComparison.Ordinal))
        {
            return PublishOutcome.Fenced;
        }

        return arrived.Epoch == present.Epoch && arrived.Sequence > present.Sequence ? PublishOutcome.Published : PublishOutcome.Stale;
    }

    /// <summary>Whether one snapshot replaces another.</summary>
    /// <param name="arrived">The one.</param>
    /// <param name="present">The other, of the same instance.</param>
    public static bool IsNewer(InstanceSnapshot arrived, InstanceSnapshot present) => Judge(present, arrived) == PublishOutcome.Published;
}
