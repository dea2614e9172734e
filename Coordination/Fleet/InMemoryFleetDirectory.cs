using System.Globalization;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// A directory in this process: of a single instance that shares nothing, and of tests. It follows the same rules as a shared one and ends
/// with the process.
/// </summary>
public sealed class InMemoryFleetDirectory : IFleetDirectory, IFleetOrders, IFleetProfiles, IFleetNotices
{
    /// <summary>Removals kept in mind for readers of changes; who asks from before them begins anew.</summary>
    private const int MaxRemovals = 1000;

    private readonly TimeProvider _time;
    private readonly FleetOptions _options;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Kept> _instances = new(StringComparer.Ordinal);
    private readonly SortedDictionary<long, string> _changes = [];
    private readonly Queue<(long Version, string InstanceId)> _removals = new();
    private readonly List<FleetProfile> _profiles = [];
    private readonly string _id = Guid.NewGuid().ToString("N");
    private long _forgotten;
    private long _version;

    // Before this time nothing in it is too old.
    private DateTimeOffset _nextSweep = DateTimeOffset.MaxValue;
    private Listener[] _listeners = [];

    /// <summary>An empty directory.</summary>
    /// <param name="time">Its clock.</param>
    /// <param name="options">How much it keeps and for how long; null for the defaults.</param>
    public InMemoryFleetDirectory(TimeProvider time, FleetOptions? options = null)
    {
        _time = time;
        _options = options ?? new FleetOptions();
    }

    /// <inheritdoc/>
    public Task<PublishResult> PublishAsync(InstanceSnapshot snapshot, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        PublishResult result;
        lock (_lock)
        {
            var now = Present();
            var kept = Get(snapshot.InstanceId, now);
            var present = kept.Entry?.Snapshot;
            var outcome = SnapshotOrder.Judge(present, snapshot);
            if (outcome == PublishOutcome.Published)
            {
                present = SnapshotBounds.Apply(snapshot);
                kept.Entry = new DirectoryEntry(present, now);
                Hear(kept, now);
                _changes.Remove(kept.Version);
                kept.Version = ++_version;
                _changes[kept.Version] = snapshot.InstanceId;
            }

            result = new PublishResult(outcome, present!.Boot, present.Epoch);
        }

        if (result.Outcome == PublishOutcome.Published)
        {
            Tell(FleetNotice.Snapshots, null);
        }

        return Task.FromResult(result);
    }

    /// <inheritdoc/>
    public Task AppendAsync(string instanceId, IReadOnlyList<InstanceRecord> records, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (records.Count == 0)
        {
            return Task.CompletedTask;
        }

        lock (_lock)
        {
            var now = Present();
            var kept = Get(instanceId, now);
            Hear(kept, now);
            foreach (var record in records)
            {
                kept.Records.Enqueue(record);
                if (kept.Records.Count > _options.KeptRecords)
                {
                    kept.Records.Dequeue();
                }
            }
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<DirectoryView> ReadAllAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            var now = Present();
            var entries = new List<DirectoryEntry>(_instances.Count);
            foreach (var kept in _instances.Values)
            {
                if (kept.Entry is { } entry)
                {
                    entries.Add(entry);
                }
            }

            entries.Sort(static (a, b) => string.CompareOrdinal(a.Snapshot.InstanceId, b.Snapshot.InstanceId));
            return Task.FromResult(new DirectoryView(now, entries, []));
        }
    }

    /// <inheritdoc/>
    public Task<DirectoryEntry?> ReadAsync(string instanceId, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            Present();
            return Task.FromResult(_instances.GetValueOrDefault(instanceId)?.Entry);
        }
    }

    /// <inheritdoc/>
    public Task<DirectoryPage> ReadChangesAsync(DirectoryVersion since, int limit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        lock (_lock)
        {
            var now = Present();
            var start = Beginning(since);
            var anew = (start is null && (since.Directory != _id || since.Number < _forgotten)) || since.Number > _version;
            var from = anew ? 0 : since.Number;
            start = anew ? _version : start;

            // What was removed before a reading began concerns it not.
            var gone = Math.Max(from, start ?? 0);
            var told = _changes.Where(change => change.Key > from).Select(static change => (change.Key, InstanceId: change.Value, Gone: false))
                .Concat(_removals.Where(removal => removal.Version > gone).Select(static removal => (Key: removal.Version, removal.InstanceId, Gone: true)))
                .OrderBy(static change => change.Key);
            var page = told.Take(limit + 1).ToList();
            var more = page.Count > limit;
            if (more)
            {
                page.RemoveAt(limit);
            }

            return Task.FromResult(new DirectoryPage(
                now,
                more ? new DirectoryVersion(start is { } began ? $"{_id}@{began}" : _id, page[^1].Key) : new DirectoryVersion(_id, _version),
                more,
                anew && since != DirectoryVersion.None,
                [.. page.Where(static change => !change.Gone).Select(change => _instances[change.InstanceId].Entry!)],
                [.. page.Where(static change => change.Gone).Select(static change => change.InstanceId)]));
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<InstanceRecord>> ReadRecordsAsync(string instanceId, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            Present();
            return Task.FromResult<IReadOnlyList<InstanceRecord>>(_instances.TryGetValue(instanceId, out var kept) ? [.. kept.Records] : []);
        }
    }

    /// <inheritdoc/>
    public Task<FleetOrderState> PlaceAsync(FleetOrder order, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        FleetOrderState placed;
        lock (_lock)
        {
            var now = Present();
            var kept = Get(order.InstanceId, now);
            if (kept.Orders.Find(state => state.Order.Id == order.Id) is { } known)
            {
                return Task.FromResult(known);
            }

            placed = new FleetOrderState(order with { PlacedAt = now, ExpiresAt = Later(now, order.ExpiresAt - order.PlacedAt) }, null);
            kept.Orders.Add(placed);
            SweepBy(Later(placed.Order.ExpiresAt, _options.Retention));
            if (kept.Orders.Count > _options.KeptOrders)
            {
                // What is done is of less use than what is to do.
                kept.Orders.RemoveAt(Math.Max(0, kept.Orders.FindIndex(static state => state.Result is not null)));
            }
        }

        Tell(FleetNotice.Order, order.InstanceId);
        return Task.FromResult(placed);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<FleetOrderState>> ListAsync(string instanceId, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            Present();
            return Task.FromResult<IReadOnlyList<FleetOrderState>>(_instances.TryGetValue(instanceId, out var kept) ? [.. kept.Orders] : []);
        }
    }

    /// <inheritdoc/>
    public Task<bool> CompleteAsync(FleetOrderResult result, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            Present();
            if (!_instances.TryGetValue(result.InstanceId, out var kept))
            {
                return Task.FromResult(false);
            }

            var index = kept.Orders.FindIndex(state => state.Order.Id == result.OrderId);
            if (index < 0 || kept.Orders[index].Result is not null)
            {
                return Task.FromResult(false);
            }

            kept.Orders[index] = kept.Orders[index] with { Result = result };
            return Task.FromResult(true);
        }
    }

    /// <inheritdoc/>
    Task<FleetProfile?> IFleetProfiles.ReadAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            return Task.FromResult(_profiles.Count == 0 ? null : _profiles[0]);
        }
    }

    /// <inheritdoc/>
    Task<IReadOnlyList<FleetProfile>> IFleetProfiles.ListAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            return Task.FromResult<IReadOnlyList<FleetProfile>>([.. _profiles]);
        }
    }

    /// <inheritdoc/>
    Task<FleetProfile?> IFleetProfiles.SetAsync(
        string? json, string by, long? expectedVersion, long? rolledBackTo, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        FleetProfile profile;
        lock (_lock)
        {
            var present = _profiles.Count == 0 ? 0 : _profiles[0].Version;
            if (expectedVersion is { } expected && expected != present)
            {
                return Task.FromResult<FleetProfile?>(null);
            }

            profile = new FleetProfile(present + 1, json, by, _time.GetUtcNow(), rolledBackTo);
            _profiles.Insert(0, profile);
            if (_profiles.Count > IFleetProfiles.KeptVersions)
            {
                _profiles.RemoveAt(IFleetProfiles.KeptVersions);
            }
        }

        Tell(FleetNotice.Profiles, null);
        return Task.FromResult<FleetProfile?>(profile);
    }

    /// <inheritdoc/>
    public IDisposable Listen(string? instanceId, Action<FleetNotice> handler)
    {
        var listener = new Listener(this, instanceId, handler);
        lock (_lock)
        {
            _listeners = [.. _listeners, listener];
        }

        listener.Tell(FleetNotice.Anything);
        return listener;
    }

    private static DateTimeOffset Later(DateTimeOffset now, TimeSpan by) =>
        by < DateTimeOffset.MaxValue - now ? now + by : DateTimeOffset.MaxValue;

    private void Tell(FleetNotice notice, string? instanceId)
    {
        foreach (var listener in _listeners)
        {
            if (instanceId is null || listener.InstanceId == instanceId)
            {
                listener.Tell(notice);
            }
        }
    }

    /// <summary>The version at which a reading that has not come to its end began; null for another's, or if what was removed since is forgotten.</summary>
    private long? Beginning(DirectoryVersion since) =>
        since.Directory.StartsWith(_id + "@", StringComparison.Ordinal)
        && long.TryParse(since.Directory.AsSpan(_id.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var began)
        && began >= _forgotten
            ? began
            : null;

    // Under the lock.
    private Kept Get(string instanceId, DateTimeOffset now)
    {
        if (!_instances.TryGetValue(instanceId, out var kept))
        {
            _instances[instanceId] = kept = new Kept();
            Hear(kept, now);
        }

        return kept;
    }

    private void Hear(Kept kept, DateTimeOffset now)
    {
        kept.HeardAt = now;
        SweepBy(Later(now, _options.Retention));
    }

    private void SweepBy(DateTimeOffset time) => _nextSweep = time < _nextSweep ? time : _nextSweep;

    /// <summary>The time, and nothing in the directory that is too old for it. Under the lock.</summary>
    private DateTimeOffset Present()
    {
        var now = _time.GetUtcNow();
        if (now >= _nextSweep)
        {
            Sweep(now);
        }

        return now;
    }

    private void Sweep(DateTimeOffset now)
    {
        _nextSweep = DateTimeOffset.MaxValue;
        List<string>? old = null;
        foreach (var (instanceId, kept) in _instances)
        {
            kept.Orders.RemoveAll(state => now - state.Order.ExpiresAt >= _options.Retention);
            if (now - kept.HeardAt >= _options.Retention && kept.Orders.Count == 0)
            {
                (old ??= []).Add(instanceId);
                continue;
            }

            if (kept.Entry is { } entry && now - entry.ReceivedAt >= _options.Retention)
            {
                Remove(kept);
            }

            // What is heard of later, or placed later, has its own time put in by whoever does so.
            if (now - kept.HeardAt < _options.Retention)
            {
                SweepBy(Later(kept.HeardAt, _options.Retention));
            }

            if (kept.Entry is { } present)
            {
                SweepBy(Later(present.ReceivedAt, _options.Retention));
            }

            foreach (var state in kept.Orders)
            {
                SweepBy(Later(state.Order.ExpiresAt, _options.Retention));
            }
        }

        foreach (var instanceId in old ?? [])
        {
            _instances.Remove(instanceId, out var kept);
            Remove(kept!);
        }
    }

    private void Remove(Kept kept)
    {
        if (kept.Entry is not { } entry)
        {
            return;
        }

        kept.Entry = null;
        _changes.Remove(kept.Version);
        _removals.Enqueue((++_version, entry.Snapshot.InstanceId));
        if (_removals.Count > MaxRemovals)
        {
            _forgotten = _removals.Dequeue().Version;
        }
    }

    /// <summary>What is kept of one instance. Guarded by the directory's lock.</summary>
    private sealed class Kept
    {
        public readonly Queue<InstanceRecord> Records = new();
        public readonly List<FleetOrderState> Orders = [];
        public DirectoryEntry? Entry;
        public DateTimeOffset HeardAt;
        public long Version;
    }

    private sealed class Listener(InMemoryFleetDirectory owner, string? instanceId, Action<FleetNotice> handler) : IDisposable
    {
        private readonly NoticeTeller _teller = new(handler);

        public string? InstanceId => instanceId;

        public void Tell(FleetNotice notice) => _teller.Tell(notice);

        public void Dispose()
        {
            _teller.Close();
            lock (owner._lock)
            {
                owner._listeners = [.. owner._listeners.Where(listener => listener != this)];
            }
        }
    }
}
