using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;

namespace NoslateFleet.Gateway.Fleet;

/// <summary>
/// A reader's copy of the fleet directory, kept by what changes, for whoever looks at it. It begins to read when somebody looks and rests a while after
/// the last has gone. While the directory can't be read, it tells what it knew last, and since when. Instances are never asked.
/// </summary>
internal sealed partial class FleetView : IAsyncDisposable
{
    /// <summary>How long it goes on reading when nobody looks any more.</summary>
    public static readonly TimeSpan RestAfter = TimeSpan.FromMinutes(1);

    /// <summary>Instances kept; a fleet of more is told of by the rest being left out.</summary>
    public const int MaxInstances = 10_000;

    /// <summary>Functions told of, over all instances.</summary>
    public const int MaxFunctions = 1000;

    private const int PageSize = 500;

    // What comes together is read together; and who misses a notice finds out soon enough.
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan _poll = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _readLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _firstLook = TimeSpan.FromSeconds(1);

    private readonly IFleetDirectory _directory;
    private readonly IFleetNotices _notices;
    private readonly StandingOptions _standing;
    private readonly TimeProvider _time;
    private readonly ILogger<FleetView> _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();

    // Guarded by the lock.
    private readonly SortedDictionary<string, Known> _known = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Trend> _functionTrends = new(StringComparer.Ordinal);
    private Trend _trend = Trend.None;
    private DirectoryVersion _version = DirectoryVersion.None;
    private DateTimeOffset _asOf;
    private long _asOfStamp;
    private bool _isRead;
    private FleetOutage? _outage;
    private long _number = 1;
    private int _leftOut;
    private int _watchers;
    private long _lookedAt;
    private Task _loop = Task.CompletedTask;
    private bool _running;
    private TaskCompletionSource _changed = Signal();
    private TaskCompletionSource _read = Signal();
    private TaskCompletionSource _told = Signal();
    private FleetPicture? _picture;
    private long _sampledAt;

    /// <summary>A view that rests.</summary>
    public FleetView(IFleetDirectory directory, IFleetNotices notices, StandingOptions standing, TimeProvider time, ILogger<FleetView> logger)
    {
        _directory = directory;
        _notices = notices;
        _standing = standing;
        _time = time;
        _logger = logger;
    }

    /// <summary>Whether it reads at present.</summary>
    public bool IsReading
    {
        get
        {
            lock (_lock)
            {
                return _running;
            }
        }
    }

    /// <summary>The fleet now. Waits for the very first reading, but never long: then it tells that nothing is known yet.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<FleetPicture> LookAsync(CancellationToken cancellationToken)
    {
        Task read;
        lock (_lock)
        {
            Touch();
            read = _read.Task;
        }

        if (!read.IsCompleted)
        {
            // By the system's clock: a person waits.
            await read.WaitAsync(_firstLook, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }

        return Picture();
    }

    /// <summary>Keeps it reading until disposed of.</summary>
    public IDisposable Watch()
    {
        lock (_lock)
        {
            _watchers++;
            Touch();
        }

        return new Watcher(this);
    }

    /// <summary>Completes once more was heard than a picture tells, or its outage began or ended.</summary>
    /// <param name="number">The picture's number.</param>
    public Task ChangedSince(long number)
    {
        lock (_lock)
        {
            return _number != number ? Task.CompletedTask : _changed.Task;
        }
    }

    /// <summary>The fleet as it is known now, without a wait.</summary>
    public FleetPicture Picture()
    {
        lock (_lock)
        {
            var now = Now();

            // Ages are told in whole seconds; pages of the same moment share the work.
            if (_picture is { } last && last.Number == _number && now - last.Now < TimeSpan.FromMilliseconds(500) && now >= last.Now)
            {
                return last;
            }

            return _picture = Build(now);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Under the lock.
    private void Touch()
    {
        _lookedAt = _time.GetTimestamp();
        if (!_running && !_stop.IsCancellationRequested)
        {
            _running = true;
            _loop = Task.Run(RunAsync);
        }
    }

    private async Task RunAsync()
    {
        lock (_lock)
        {
            // What happened while nobody looked belongs to no step of time.
            Forget();
        }

        using var listening = _notices.Listen(null, notice =>
        {
            if (notice is FleetNotice.Snapshots or FleetNotice.Anything)
            {
                Volatile.Read(ref _told).TrySetResult();
            }
        });
        try
        {
            while (!Rests())
            {
                Volatile.Write(ref _told, Signal());
                await ReadAsync();
                Sample();
                await Task.Delay(_pause, _time, _stop.Token);
                await WaitAsync(Volatile.Read(ref _told).Task);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The process ends.
        }
    }

    private async Task WaitAsync(Task told)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        await Task.WhenAny(told, Task.Delay(_poll - _pause, _time, over.Token));
        await over.CancelAsync();
        _stop.Token.ThrowIfCancellationRequested();
    }

    private bool Rests()
    {
        lock (_lock)
        {
            if (_watchers > 0 || _time.GetElapsedTime(_lookedAt) < RestAfter)
            {
                return false;
            }

            // In the same breath: who looks from now on starts it again, and waits for what is read then.
            _running = false;
            _read = Signal();
            return true;
        }
    }

    private async Task ReadAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        using var timer = _time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), limit, _readLimit, Timeout.InfiniteTimeSpan);
        try
        {
            bool more;
            do
            {
                var page = await _directory.ReadChangesAsync(_version, PageSize, limit.Token).WaitAsync(limit.Token);
                lock (_lock)
                {
                    Take(page);
                }

                more = page.More;
            }
            while (more);

            lock (_lock)
            {
                if (_outage is { } outage)
                {
                    Reachable(_logger, outage.Since);
                    _outage = null;
                    Changed();
                }

                _read.TrySetResult();
            }
        }
        catch (Exception error) when (!_stop.IsCancellationRequested)
        {
            var reason = error is OperationCanceledException ? $"no answer within {_readLimit.TotalSeconds:0} s" : error.Message;
            lock (_lock)
            {
                if (_outage is null)
                {
                    Unreachable(_logger, reason);
                    Changed();
                }

                _outage = new FleetOutage(_outage?.Since ?? _time.GetUtcNow(), reason);
                _read.TrySetResult();
            }
        }
    }

    // Under the lock.
    private void Take(DirectoryPage page)
    {
        if (page.Reset)
        {
            _known.Clear();
            _leftOut = 0;
        }

        foreach (var entry in page.Changed)
        {
            var id = entry.Snapshot.InstanceId;
            if (_known.TryGetValue(id, out var known))
            {
                known.Entry = entry;
            }
            else if (_known.Count < MaxInstances)
            {
                // What it has done before it was seen belongs to no step of time.
                _known[id] = new Known(entry) { Sampled = entry.Snapshot };
            }
            else
            {
                _leftOut++;
            }
        }

        foreach (var id in page.Removed)
        {
            _known.Remove(id);
        }

        _version = page.Version;
        _asOf = page.AsOf;
        _asOfStamp = _time.GetTimestamp();
        if (!_isRead || page.Changed.Count > 0 || page.Removed.Count > 0 || page.Reset)
        {
            _isRead = true;
            Changed();
        }
    }

    // Under the lock.
    private void Changed()
    {
        _number++;
        _changed.TrySetResult();
        _changed = Signal();
    }

    // Under the lock.
    private void Forget()
    {
        foreach (var known in _known.Values)
        {
            known.Sampled = known.Entry.Snapshot;
            known.Trend = Trend.None;
        }

        _functionTrends.Clear();
        _trend = Trend.None;
        _sampledAt = _time.GetTimestamp();
    }

    private void Sample()
    {
        lock (_lock)
        {
            var took = _time.GetElapsedTime(_sampledAt);
            if (took < Trend.Step || _outage is not null)
            {
                return;
            }

            _sampledAt = _time.GetTimestamp();
            var total = 0L;
            var byFunction = _functionTrends.Keys.ToDictionary(static name => name, static _ => 0L, StringComparer.Ordinal);
            foreach (var known in _known.Values)
            {
                var (present, before) = (known.Entry.Snapshot, known.Sampled);
                known.Sampled = present;
                var count = 0L;
                if (!ReferenceEquals(present, before))
                {
                    // A new process counts from nothing.
                    var same = present.Boot == before.Boot;
                    count = Math.Max(0, same ? present.Accepted - before.Accepted : present.Accepted);
                    Count(present, same ? before : null, byFunction);
                }

                total += count;
                known.Trend = known.Trend.With(count, took);
            }

            _trend = _trend.With(total, took);
            foreach (var (name, count) in byFunction)
            {
                _functionTrends[name] = _functionTrends.GetValueOrDefault(name, Trend.None).With(count, took);
            }

            Changed();
        }
    }

    private static void Count(InstanceSnapshot present, InstanceSnapshot? before, Dictionary<string, long> byFunction)
    {
        for (var i = 0; i < present.Functions.Count; i++)
        {
            var function = present.Functions[i];
            if (!byFunction.TryGetValue(function.Name, out var sum) && byFunction.Count >= MaxFunctions)
            {
                continue;
            }

            var earlier = before is null ? null
                : i < before.Functions.Count && before.Functions[i].Name == function.Name ? before.Functions[i]
                : before.Functions.FirstOrDefault(other => other.Name == function.Name);
            byFunction[function.Name] = sum + Math.Max(0, function.Counters.Accepted - (earlier?.Counters.Accepted ?? 0));
        }
    }

    // Under the lock.
    private DateTimeOffset Now() => !_isRead || _outage is not null ? _asOf : _asOf + _time.GetElapsedTime(_asOfStamp);

    // Under the lock.
    private FleetPicture Build(DateTimeOffset now)
    {
        var instances = new List<FleetInstance>(_known.Count);
        var functions = new SortedDictionary<string, Sums>(StringComparer.Ordinal);
        var leftOut = _leftOut;
        foreach (var known in _known.Values)
        {
            var snapshot = known.Entry.Snapshot;
            var age = StandingRules.Age(known.Entry.ReceivedAt, now);
            var instance = new FleetInstance(snapshot, known.Entry.ReceivedAt, age, StandingRules.Of(snapshot, age, _standing), known.Trend);
            instances.Add(instance);
            foreach (var function in snapshot.Functions)
            {
                if (!functions.TryGetValue(function.Name, out var sums))
                {
                    if (functions.Count == MaxFunctions)
                    {
                        leftOut++;
                        continue;
                    }

                    functions[function.Name] = sums = new Sums();
                }

                sums.Add(instance, function);
            }
        }

        return new FleetPicture(
            _number,
            now,
            _isRead,
            _outage,
            instances,
            [.. functions.Select(f => f.Value.Of(f.Key, _functionTrends.GetValueOrDefault(f.Key, Trend.None)))],
            _trend,
            leftOut);
    }

    private void Unwatch()
    {
        lock (_lock)
        {
            _watchers--;
            _lookedAt = _time.GetTimestamp();
        }
    }

    [LoggerMessage(1240, LogLevel.Warning, "The fleet's directory can't be read, and is tried again: {Reason}")]
    private static partial void Unreachable(ILogger logger, string reason);

    [LoggerMessage(1241, LogLevel.Information, "The fleet's directory is read again; it could not be since {Since}")]
    private static partial void Reachable(ILogger logger, DateTimeOffset since);

    private sealed class Known(DirectoryEntry entry)
    {
        public DirectoryEntry Entry = entry;
        public required InstanceSnapshot Sampled;
        public Trend Trend = Trend.None;
    }

    private sealed class Watcher(FleetView owner) : IDisposable
    {
        private int _disposed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                owner.Unwatch();
            }
        }
    }

    private sealed class Sums
    {
        private readonly int[] _temperatures = new int[4];
        private long _accepted;
        private long _failed;
        private long _refused;
        private long _coldStarts;
        private long _avoided;
        private int _inFlight;
        private double _weight;
        private double _seconds;

        public void Add(FleetInstance instance, FunctionStatus function)
        {
            if (instance.HasWorkers && function.Temperature is { } temperature && (int)temperature is >= 0 and < 4)
            {
                _temperatures[(int)temperature]++;
            }

            var counters = function.Counters;
            _accepted += counters.Accepted;
            _failed += counters.Failed;
            _refused += counters.Refused;
            _coldStarts += counters.ColdStarts;
            _avoided += counters.ColdStartsAvoided;
            _inFlight += instance.InFlight == 0 ? 0 : counters.InFlight;
            if (counters.MeanServiceTime is { } mean)
            {
                var weight = Math.Max(1, counters.Completed);
                _weight += weight;
                _seconds += weight * mean.TotalSeconds;
            }
        }

        public FleetFunction Of(string name, Trend trend) => new(
            name,
            _temperatures[(int)FunctionTemperature.Cold],
            _temperatures[(int)FunctionTemperature.Warming],
            _temperatures[(int)FunctionTemperature.Warm],
            _temperatures[(int)FunctionTemperature.Saturated],
            _accepted,
            _failed,
            _refused,
            _inFlight,
            _weight > 0 ? TimeSpan.FromSeconds(_seconds / _weight) : null,
            _coldStarts,
            _avoided,
            trend);
    }
}
