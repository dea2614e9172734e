namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// Where instances leave what they know and readers find it. It fences: a snapshot of an older life never replaces a newer one, as
/// <see cref="SnapshotOrder"/> judges. Nothing on the way of an invocation waits for it. Where it can't be reached, calls throw
/// <see cref="FleetDirectoryException"/>.
/// </summary>
public interface IFleetDirectory
{
    /// <summary>Publishes an instance's snapshot, and renews its lease with it.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="cancellationToken">Gives up; whether it was published is then unknown.</param>
    /// <returns>What became of it, and who holds the instance's lease now.</returns>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    Task<PublishResult> PublishAsync(InstanceSnapshot snapshot, CancellationToken cancellationToken);

    /// <summary>
    /// Adds receipts and recorder events of an instance. The oldest are dropped beyond the directory's bound. Not fenced: what happened,
    /// happened.
    /// </summary>
    /// <param name="instanceId">The instance.</param>
    /// <param name="records">What to add, oldest first.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    Task AppendAsync(string instanceId, IReadOnlyList<InstanceRecord> records, CancellationToken cancellationToken);

    /// <summary>Reads all instances' last snapshots.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    Task<DirectoryView> ReadAllAsync(CancellationToken cancellationToken);

    /// <summary>Reads one instance's last snapshot; null if the directory has none.</summary>
    /// <param name="instanceId">The instance.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    Task<DirectoryEntry?> ReadAsync(string instanceId, CancellationToken cancellationToken);

    /// <summary>Reads what has changed since a version, a page at a time: for live views. Its cost goes by the changes, not by the fleet.</summary>
    /// <param name="since">The version that the last page gave; <see cref="DirectoryVersion.None"/> for all.</param>
    /// <param name="limit">The most instances on a page, at least 1.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    Task<DirectoryPage> ReadChangesAsync(DirectoryVersion since, int limit, CancellationToken cancellationToken);

    /// <summary>Reads what an instance has left beside its snapshots, oldest first; empty for an unknown instance.</summary>
    /// <param name="instanceId">The instance.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    Task<IReadOnlyList<InstanceRecord>> ReadRecordsAsync(string instanceId, CancellationToken cancellationToken);
}
