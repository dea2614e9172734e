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
    private readonly Dictionary<string, long> _changed = new(StringComparer.Ordinal);
    private readonly string _id = Guid.NewGuid().ToString("N");
    private long _version;

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
                _changed[snapshot.InstanceId] = ++_version;
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
    public Task<DirectoryEntry?> ReadAsync(string instanceId, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            return Task.FromResult(_entries.GetValueOrDefault(instanceId));
        }
    }

    /// <inheritdoc/>
    public Task<DirectoryPage> ReadChangesAsync(DirectoryVersion since, int limit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        var now = time.GetUtcNow();
        lock (_lock)
        {
            var reset = since.Directory != _id || since.Number > _version;
            var from = reset ? 0 : since.Number;
            var newer = _changed.Where(c => c.Value > from).OrderBy(static c => c.Value).ToList();
            var more = newer.Count > limit;
            var page = more ? newer[..limit] : newer;
            var upTo = more ? page[^1].Value : _version;
            return Task.FromResult(new DirectoryPage(
                now, new DirectoryVersion(_id, upTo), more, reset && since != DirectoryVersion.None, [.. page.Select(c => _entries[c.Key])], []));
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
