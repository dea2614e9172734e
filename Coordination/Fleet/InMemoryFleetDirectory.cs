namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// A directory in this process: of a single instance that shares nothing, and of tests. It follows the same rules as a shared one and ends
/// with the process.
/// </summary>
/// <param name="time">The clock by which it tells when it received a snapshot.</param>
/// <param name="maxRecords">Receipts and recorder events kept of each instance; the oldest are dropped beyond.</param>
public sealed class InMemoryFleetDirectory(TimeProvider time, int maxRecords = 1000) : IFleetDirectory
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, DirectoryEntry> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Queue<InstanceRecord>> _records = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public Task<PublishResult> PublishAsync(InstanceSnapshot snapshot, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var now = time.GetUtcNow();
        lock (_lock)
        {
            var present = _entries.GetValueOrDefault(snapshot.InstanceId)?.Snapshot;
            var outcome = SnapshotOrder.Judge(present, snapshot);
            if (outcome == PublishOutcome.Published)
            {
                _entries[snapshot.InstanceId] = new DirectoryEntry(snapshot, now);
                present = snapshot;
            }

            return Task.FromResult(new PublishResult(outcome, present!.Boot, present.Epoch));
        }
    }

    /// <inheritdoc/>
    public Task AppendAsync(string instanceId, IReadOnlyList<InstanceRecord> records, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            if (!_records.TryGetValue(instanceId, out var kept))
            {
                _records[instanceId] = kept = new Queue<InstanceRecord>();
            }

            foreach (var record in records)
            {
                kept.Enqueue(record);
                if (kept.Count > maxRecords)
                {
                    kept.Dequeue();
                }
            }
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<DirectoryView> ReadAllAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var now = time.GetUtcNow();
        lock (_lock)
        {
            return Task.FromResult(new DirectoryView(
                now, [.. _entries.Values.OrderBy(static e => e.Snapshot.InstanceId, StringComparer.Ordinal)], []));
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<InstanceRecord>> ReadRecordsAsync(string instanceId, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            return Task.FromResult<IReadOnlyList<InstanceRecord>>(_records.TryGetValue(instanceId, out var kept) ? [.. kept] : []);
        }
    }
}
