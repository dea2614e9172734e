using System.Text.Json;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// Tells the fleet directory how this instance stands. Changes are published together, at most four a second; running work as a heartbeat, once it has gone on for
/// one; an idle instance is silent, save in a Mesh. Nothing on the way of an invocation waits for it, but the last response's end, for some
/// milliseconds, where the directory still believes that work runs: a freeze may follow that end at once, and must not look like a loss.
/// </summary>
/// <remarks>Safe under concurrent callers; no lock is held while anything is waited for, and nothing is thrown at whoever tells of a change.</remarks>
public sealed class FleetPublisher : IDisposable
{
    private static readonly TimeSpan _firstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(30);

    private readonly IFleetDirectory _directory;
    private readonly ISnapshotSource _source;
    private readonly FleetOptions _options;
    private readonly FleetTopology _topology;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ITimer _timer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();

    // Guarded by the lock.
    private long _sequence;
    private bool _wanted;
    private bool _urgent;
    private bool _sending;
    private TaskCompletionSource _sent = new();
    private bool _armed;
    private bool _met;
    private int _failures;
    private long _failingSince;
    private long _retryAt;
    private long _sentAt;
    private long _sentAccepted;
    private bool _sentOpen;
    private bool _everSent;
    private long _seenAccepted;
    private long _activeSince;
    private bool _active;

    // Held by who sends records: they go out one after the other.
    private readonly SemaphoreSlim _recordsTurn = new(1, 1);
    private long _recordsMark;

    private volatile bool _saysWork;
    private volatile bool _fenced;
    private volatile bool _disposed;
    private int _endings;
    private long _publishes;
    private long _failed;
    private long _publishedAt;

    /// <summary>A publisher that has not published anything yet.</summary>
    /// <param name="directory">Where it publishes.</param>
    /// <param name="source">What it publishes.</param>
    /// <param name="options">How often.</param>
    /// <param name="topology">How the instance belongs to the fleet.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Spreads the tries of many instances after an outage.</param>
    public FleetPublisher(
        IFleetDirectory directory, ISnapshotSource source, FleetOptions options, FleetTopology topology, TimeProvider time, Random random)
    {
        _directory = directory;
        _source = source;
        _options = options;
        _topology = topology;
        _time = time;
        _random = random;
        _timer = time.CreateTimer(static publisher => ((FleetPublisher)publisher!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The directory can't be reached since now, with the error. Told once for each outage; must be quick and not throw.</summary>
    public event Action<FleetDirectoryException>? OutageBegan;

    /// <summary>The directory is reached again, after so long.</summary>
    public event Action<TimeSpan>? OutageEnded;

    /// <summary>Another process bears this instance's id and has the newer life: this one publishes no more.</summary>
    public event Action<PublishResult>? FencedOff;

    /// <summary>Whether the last snapshot that was published or is on its way says that work runs.</summary>
    public bool SaysWork => _saysWork;

    /// <summary>Whether another process has the instance's lease, so that this one publishes no more.</summary>
    public bool IsFenced => _fenced;

    /// <summary>Snapshots that the directory took.</summary>
    public long Published => Interlocked.Read(ref _publishes);

    /// <summary>Snapshots that did not reach it.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>How long ago the directory took the last one; null before the first.</summary>
    public TimeSpan? Age => Published == 0 ? null : _time.GetElapsedTime(Interlocked.Read(ref _publishedAt));

    /// <summary>Something about the instance has changed that readers should see: its phase, its workers, an order's result.</summary>
    public void Changed()
    {
        lock (_lock)
        {
            _wanted = true;
            Schedule();
        }
    }

    /// <summary>
    /// The directory's connection has come back: what waits for the next try is tried at once. What was published before is published again, as
    /// the directory may have come back empty, and an idle instance would not be in it.
    /// </summary>
    public void Reconnected()
    {
        lock (_lock)
        {
            _retryAt = 0;
            _wanted = _urgent = true;
            Schedule();
        }
    }

    /// <summary>Called by the process's tick: heartbeats.</summary>
    public void Tick()
    {
        var inFlight = _source.InFlight;
        var accepted = _source.Accepted;
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            var active = inFlight > 0 || accepted != _seenAccepted;
            _seenAccepted = accepted;
            if (active && !_active)
            {
                _activeSince = now;
            }

            _active = active;
            var since = _everSent ? _time.GetElapsedTime(_sentAt, now) : TimeSpan.MaxValue;
            _wanted |= active
                ? OutlivesHeartbeat(now) && since >= _options.Standing.HeartbeatInterval
                : !_everSent || _sentAccepted != accepted || _sentOpen
                    || (_topology == FleetTopology.Mesh && since >= _options.IdleHeartbeatInterval);
            Schedule();
        }
    }

    /// <summary>
    /// A response's end is about to be written, or its last byte where its length is known. To be followed by <see cref="AfterEnd"/> once the ticket is
    /// closed. Nearly free.
    /// </summary>
    /// <returns>Whether <see cref="TellEndAsync"/> has to be awaited first.</returns>
    public bool Ending()
    {
        // Counted before it is asked whether work is told, as work is told before it is asked what ends: one of the two sees the other.
        Interlocked.Increment(ref _endings);
        return _saysWork;
    }

    /// <summary>
    /// Tells the directory that all that runs is about to end, if it is so, and waits for it, for <see cref="FleetOptions.EdgeWait"/> at most.
    /// </summary>
    public async ValueTask TellEndAsync()
    {
        if (_fenced || _disposed || _source.InFlight > Volatile.Read(ref _endings))
        {
            return;
        }

        var sent = SendAsync(Take(), sendsRecords: false);
        if (sent.IsCompleted || _options.EdgeWait == TimeSpan.Zero)
        {
            return;
        }

        try
        {
            await sent.WaitAsync(_options.EdgeWait, _time);
        }
        catch (TimeoutException)
        {
            // It is on its way, and its end is looked after there. The client has waited long enough for it.
        }
    }

    /// <summary>The ticket of an invocation for which <see cref="Ending"/> was called is closed.</summary>
    public void AfterEnd() => Interlocked.Decrement(ref _endings);

    /// <summary>Nothing is in flight any more. Free unless the directory believes otherwise.</summary>
    public void Idle()
    {
        if (_saysWork)
        {
            lock (_lock)
            {
                // Not to be published together with what comes within a quarter of a second: a freeze may come first.
                _wanted = _urgent = true;
                Schedule();
            }
        }
    }

    /// <summary>Publishes at once, with a receipt and all that the recorder has seen: an instance's last words before a freeze or stop.</summary>
    /// <param name="receipt">What the hook has done so far; null where none asks for it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    public async Task PublishAsync(Receipt? receipt, CancellationToken cancellationToken)
    {
        if (_fenced)
        {
            return;
        }

        var snapshot = Take();
        string? json = null;
        if (receipt is not null)
        {
            json = JsonSerializer.Serialize(receipt, LifecycleRecords.Default.Receipt);
            snapshot = snapshot with { Phase = receipt.Phase, LastReceiptJson = json };
        }

        if (await SendAsync(snapshot, sendsRecords: false).WaitAsync(cancellationToken) is { } error)
        {
            throw error;
        }

        IReadOnlyList<InstanceRecord> last = json is null
            ? [] : [new InstanceRecord(RecordKind.Receipt, receipt!.Boot, receipt.Epoch, receipt.At, json)];
        await AppendAsync(last, cancellationToken);
    }

    /// <summary>Ends once no snapshot that a change or heartbeat brought about is on its way.</summary>
    internal async Task SentAsync()
    {
        while (true)
        {
            Task sent;
            lock (_lock)
            {
                if (!_sending)
                {
                    return;
                }

                sent = _sent.Task;
            }

            await sent;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        _timer.Dispose();
        _stop.Cancel();
    }

    // Under the lock.
    private bool OutlivesHeartbeat(long now) => _active && _time.GetElapsedTime(_activeSince, now) >= _options.Standing.HeartbeatInterval;

    // Under the lock.
    private bool Held(long now) => _failures > 0 && now < _retryAt;

    /// <summary>Sends what is wanted, now or when its time has come. Under the lock.</summary>
    private void Schedule()
    {
        if (!_wanted || _sending || _fenced || _disposed || (_armed && !_urgent))
        {
            return;
        }

        Disarm();
        var now = _time.GetTimestamp();
        var wait = _everSent && !_urgent ? _options.PublishInterval - _time.GetElapsedTime(_sentAt, now) : TimeSpan.Zero;
        if (Held(now))
        {
            var pause = _time.GetElapsedTime(now, _retryAt);
            wait = pause > wait ? pause : wait;
        }

        if (wait <= TimeSpan.Zero)
        {
            Start();
            return;
        }

        _armed = true;
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    // Under the lock.
    private void Disarm()
    {
        if (_armed)
        {
            _armed = false;
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    // Under the lock. On another thread: the source takes locks of its own, and whoever tells of a change may hold some.
    private void Start()
    {
        if (_fenced || _disposed)
        {
            return;
        }

        _sending = true;
        _sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ThreadPool.UnsafeQueueUserWorkItem(static publisher => _ = publisher.RunAsync(), this, preferLocal: false);
    }

    private void OnTimer()
    {
        lock (_lock)
        {
            if (_armed && !_sending)
            {
                // Not asked whether it is time: clocks and timers differ by a little.
                _armed = false;
                Start();
            }
        }
    }

    private async Task RunAsync()
    {
        lock (_lock)
        {
            _wanted = _urgent = false;
        }

        await SendAsync(Take(), sendsRecords: true);
        lock (_lock)
        {
            _sending = false;
            _sent.TrySetResult();
            Schedule();
        }
    }

    /// <summary>A snapshot with what only the publisher knows. The later one tells of the later instant.</summary>
    private InstanceSnapshot Take()
    {
        lock (_lock)
        {
            var now = _time.GetTimestamp();

            // Before anything is read: who ends afterwards sees that it has to be told.
            _saysWork = true;
            Interlocked.MemoryBarrier();
            var endings = Volatile.Read(ref _endings);
            var snapshot = _source.Take(++_sequence);
            var works = snapshot.InFlight > 0;

            // What has not gone on for a heartbeat is not told as work: it ends, as a rule, before anybody has read of it.
            // What was about to end may have ended since it was counted: it told so, and would be taken for work again if only the endings after that counted.
            var ending = works && (snapshot.InFlight <= Math.Max(endings, Volatile.Read(ref _endings)) || !OutlivesHeartbeat(now));
            _saysWork = works && !ending;
            _everSent = true;
            _sentAt = now;
            _sentAccepted = snapshot.Accepted;

            // Whether it was told as work or not: how it ended has to be told yet.
            _sentOpen = works;
            return snapshot with
            {
                Ending = ending,
                NextWithin = _saysWork ? _options.Standing.HeartbeatInterval
                    : _topology == FleetTopology.Mesh ? _options.IdleHeartbeatInterval
                    : null,
            };
        }
    }

    /// <summary>Sends a snapshot, and sees to what follows from the answer. Never throws.</summary>
    /// <returns>Why it did not reach the directory; null if it did.</returns>
    private async Task<FleetDirectoryException?> SendAsync(InstanceSnapshot snapshot, bool sendsRecords)
    {
        try
        {
            var result = await _directory.PublishAsync(snapshot, _stop.Token);
            if (OnAnswer(result) && sendsRecords)
            {
                await AppendAsync([], _stop.Token);
            }

            return null;
        }
        catch (FleetDirectoryException error)
        {
            OnFailure(error);
            return error;
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception error)
        {
            var told = new FleetDirectoryException("the fleet directory failed: " + error.Message, error);
            OnFailure(told);
            return told;
        }
    }

    private bool OnAnswer(PublishResult result)
    {
        TimeSpan? outage = null;
        var raise = 0L;
        lock (_lock)
        {
            if (_failures > 0)
            {
                outage = _time.GetElapsedTime(_failingSince);
                _failures = 0;
                Disarm();
            }

            switch (result.Outcome)
            {
                case PublishOutcome.Published:
                    _met = true;
                    Interlocked.Increment(ref _publishes);
                    Interlocked.Exchange(ref _publishedAt, _time.GetTimestamp());
                    break;
                case PublishOutcome.Fenced when !_met:
                    // An earlier process's words are there still: this one's life is the next.
                    raise = result.HolderEpoch + 1;
                    _wanted = true;
                    break;
                case PublishOutcome.Fenced:
                    _fenced = true;
                    break;
            }
        }

        if (outage is { } lasted)
        {
            OutageEnded?.Invoke(lasted);
        }

        if (raise > 0)
        {
            _source.RaiseEpoch(raise);
            lock (_lock)
            {
                _wanted = _urgent = true;
                Schedule();
            }
        }
        else if (result.Outcome == PublishOutcome.Fenced)
        {
            _saysWork = false;
            FencedOff?.Invoke(result);
        }

        return result.Outcome == PublishOutcome.Published;
    }

    private void OnFailure(FleetDirectoryException error)
    {
        Interlocked.Increment(ref _failed);
        bool began;
        lock (_lock)
        {
            began = _failures++ == 0;
            var now = _time.GetTimestamp();
            if (began)
            {
                _failingSince = now;
            }

            var pause = Math.Min(_firstPause.TotalSeconds * Math.Pow(2, Math.Min(_failures - 1, 10)), _longestPause.TotalSeconds);
            _retryAt = now + (long)(pause * (0.75 + (_random.NextDouble() / 2)) * _time.TimestampFrequency);
            _wanted = true;
            Schedule();
        }

        if (began)
        {
            OutageBegan?.Invoke(error);
        }
    }

    private async Task AppendAsync(IReadOnlyList<InstanceRecord> last, CancellationToken cancellationToken)
    {
        await _recordsTurn.WaitAsync(cancellationToken);
        try
        {
            var mark = _recordsMark;
            IReadOnlyList<InstanceRecord> records = [.. _source.RecordsAfter(ref mark), .. last];
            if (records.Count > 0)
            {
                await _directory.AppendAsync(_source.InstanceId, records, cancellationToken);
                _recordsMark = mark;
            }
        }
        finally
        {
            _recordsTurn.Release();
        }
    }
}
