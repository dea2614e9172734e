namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// Tells the directory how an instance stands: what changes, together if it comes close together; a heartbeat while work runs that outlives
/// one heartbeat interval; the end of work that was told, before its last response ends; and in a Mesh, that an idle instance lives.
/// Never fails or holds up a request beyond <see cref="FleetOptions.EdgeWait"/>. Safe under concurrent callers.
/// </summary>
public sealed class FleetPublisher : IAsyncDisposable
{
    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(10);

    private readonly IFleetDirectory _directory;
    private readonly IFleetSource _source;
    private readonly IFleetPublisherEvents _events;
    private readonly FleetTopology _topology;
    private readonly FleetOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly CancellationTokenSource _stopped = new();
    private readonly CancellationToken _stop;
    private readonly Lock _lock = new();
    private TaskCompletionSource _wake = NewWake();
    private Task _loop = Task.CompletedTask;
    private bool _changed = true;
    private bool _urgent;
    private bool _contact;
    private bool _fenced;
    private long? _sentAt;
    private long _sequence;
    private long _outageSince;
    private TimeSpan _pause;
    private volatile bool _failing;
    private volatile bool _workTold;
    private int _watching;
    private int _ending;
    private long _busySince;

    /// <summary>A publisher that has not begun.</summary>
    /// <param name="directory">Where it publishes.</param>
    /// <param name="source">What it tells of.</param>
    /// <param name="events">Told of outages and of another process with the same id.</param>
    /// <param name="topology">Whether an idle instance is heard from.</param>
    /// <param name="options">How often; validated.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Spreads the attempts of many instances after an outage.</param>
    public FleetPublisher(
        IFleetDirectory directory,
        IFleetSource source,
        IFleetPublisherEvents events,
        FleetTopology topology,
        FleetOptions options,
        TimeProvider time,
        Random random)
    {
        _directory = directory;
        _source = source;
        _events = events;
        _topology = topology;
        _options = options;
        _time = time;
        _random = random;

        // Outlives its source: responses may end after the publishing has.
        _stop = _stopped.Token;
    }

    /// <summary>Whether the last snapshot published or on its way said that work is in flight. Costs a read of memory.</summary>
    public bool WorkTold => _workTold;

    /// <summary>Begins to publish; once.</summary>
    public void Start() => _loop = Task.Run(RunAsync);

    /// <summary>Something that readers should know has changed: a phase, an epoch, workers, a profile, the result of an order.</summary>
    public void Changed()
    {
        lock (_lock)
        {
            _changed = true;
        }

        Wake();
    }

    /// <summary>The number in flight has left zero. Nearly free while work comes and goes.</summary>
    public void Busy()
    {
        Volatile.Write(ref _busySince, _time.GetTimestamp());
        if (Volatile.Read(ref _watching) == 0 && Interlocked.Exchange(ref _watching, 1) == 0)
        {
            Wake();
        }
    }

    /// <summary>The number in flight has reached zero. Free unless work was told and its end was not.</summary>
    public void Idle()
    {
        if (!_workTold)
        {
            return;
        }

        lock (_lock)
        {
            _urgent = true;
        }

        Wake();
    }

    /// <summary>
    /// The end of a response is about to be written, its ticket still open. If work was told and this ends the last of it, the directory is
    /// told first. Free if no work was told.
    /// </summary>
    /// <returns>True if <see cref="Ended"/> has to be called once the ticket is closed.</returns>
    public ValueTask<bool> EndingAsync() => _workTold && !_failing ? TellEndAsync() : new ValueTask<bool>(false);

    /// <summary>The ticket of a response for which <see cref="EndingAsync"/> gave true is closed.</summary>
    public void Ended() => Interlocked.Decrement(ref _ending);

    /// <summary>Publishes a snapshot now, whatever was published when: for hooks.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="FleetDirectoryException">The directory can't be reached; it is tried again in the background.</exception>
    public async Task PublishAsync(CancellationToken cancellationToken)
    {
        if (await SendAsync(ending: false, cancellationToken) is { } error)
        {
            Wake();
            cancellationToken.ThrowIfCancellationRequested();
            throw error as FleetDirectoryException ?? new FleetDirectoryException(error.Message, error);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync();
        await _loop;
        _stopped.Dispose();
    }

    private static TaskCompletionSource NewWake() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async ValueTask<bool> TellEndAsync()
    {
        // Counted until its ticket is closed, so that of two that end together one sees that they are the last.
        var ending = Interlocked.Increment(ref _ending);
        if (_source.InFlight > ending)
        {
            return true;
        }

        var sent = SendAsync(ending: true, _stop);
        if (!sent.IsCompleted && _options.EdgeWait > TimeSpan.Zero)
        {
            try
            {
                await sent.WaitAsync(_options.EdgeWait, _time);
            }
            catch (TimeoutException)
            {
                // It is on its way. The client has waited long enough for it.
            }
        }

        return true;
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            Task woken;
            lock (_lock)
            {
                // Taken before the state is looked at: what changes afterwards completes it.
                if (_wake.Task.IsCompleted)
                {
                    _wake = NewWake();
                }

                woken = _wake.Task;
            }

            var wait = Due();
            if (wait <= TimeSpan.Zero)
            {
                await SendAsync(ending: false, _stop);
                continue;
            }

            using var over = CancellationTokenSource.CreateLinkedTokenSource(_stop);
            await Task.WhenAny(woken, Task.Delay(wait, _time, over.Token));
            await over.CancelAsync();
        }
    }

    /// <summary>The time until a snapshot is due; infinite if nothing is.</summary>
    private TimeSpan Due()
    {
        lock (_lock)
        {
            if (_fenced)
            {
                return Longest;
            }

            if (_failing)
            {
                return Left(_sentAt, _pause);
            }

            if (_urgent)
            {
                return TimeSpan.Zero;
            }

            var due = Longest;
            if (_changed)
            {
                due = Left(_sentAt, _options.PublishInterval);
            }

            if (Volatile.Read(ref _watching) != 0)
            {
                due = Least(due, Watch());
            }

            return _topology == FleetTopology.Mesh ? Least(due, Left(_sentAt, _options.IdleHeartbeatInterval)) : due;
        }
    }

    /// <summary>Long enough; timers take no more than some weeks.</summary>
    private static TimeSpan Longest => TimeSpan.FromDays(1);

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;

    // Under the lock.
    private TimeSpan Watch()
    {
        var left = Left(_workTold ? _sentAt : Volatile.Read(ref _busySince), _options.Standing.HeartbeatInterval);
        if (left > TimeSpan.Zero || _source.InFlight > 0)
        {
            return left;
        }

        // Nothing runs any more. Work that begins right now either sees that nobody watches, or is seen here.
        Interlocked.Exchange(ref _watching, 0);
        if (_source.InFlight > 0)
        {
            Interlocked.Exchange(ref _watching, 1);
            return Left(Volatile.Read(ref _busySince), _options.Standing.HeartbeatInterval);
        }

        return Longest;
    }

    private TimeSpan Left(long? since, TimeSpan interval) => since is { } began ? interval - _time.GetElapsedTime(began) : TimeSpan.Zero;

    /// <summary>Publishes what is so now. Never throws.</summary>
    /// <returns>Why it failed; null if it did not.</returns>
    private async Task<Exception?> SendAsync(bool ending, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                var snapshot = Take(ending);
                if (snapshot is null)
                {
                    return null;
                }

                var result = await _directory.PublishAsync(snapshot, cancellationToken);
                if (Accept(snapshot, result))
                {
                    return null;
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                lock (_lock)
                {
                    // Whether it arrived is not known.
                    _changed = true;
                }

                return new OperationCanceledException(cancellationToken);
            }
            catch (Exception error)
            {
                // Whatever a directory throws: publishing goes on.
                Fail(error);
                return error;
            }
        }
    }

    private InstanceSnapshot? Take(bool ending)
    {
        lock (_lock)
        {
            if (_fenced)
            {
                return null;
            }

            // Before the count is read: who ends afterwards sees that it has to be told.
            _workTold = true;
            _changed = false;
            _urgent = false;
            _sentAt = _time.GetTimestamp();
            var snapshot = _source.Read();
            var works = snapshot.InFlight > 0 && !ending;
            _workTold = works;
            _sequence++;
            return snapshot with
            {
                Sequence = _sequence,
                Topology = _topology,
                Ending = ending && snapshot.InFlight > 0,
                NextWithin = works ? _options.Standing.HeartbeatInterval
                    : _topology == FleetTopology.Mesh ? _options.IdleHeartbeatInterval
                    : null,
            };
        }
    }

    /// <returns>False if the snapshot has to be made again.</returns>
    private bool Accept(InstanceSnapshot snapshot, PublishResult result)
    {
        TimeSpan? outage = null;
        var fenced = false;
        lock (_lock)
        {
            if (_failing)
            {
                _failing = false;
                outage = _time.GetElapsedTime(_outageSince);
            }

            _pause = TimeSpan.Zero;
            if (result.Outcome != PublishOutcome.Fenced)
            {
                _contact = true;
            }
            else if (_contact)
            {
                fenced = !_fenced;
                _fenced = true;
                _workTold = false;
            }
        }

        if (outage is { } lasted)
        {
            _events.OutageOver(lasted);
        }

        if (fenced)
        {
            _events.Fenced(result.HolderBoot, result.HolderEpoch);
        }

        if (result.Outcome != PublishOutcome.Fenced || _fenced)
        {
            return true;
        }

        // The first contact: an earlier process of this instance lived up to there.
        _source.RaiseEpoch(Math.Max(result.HolderEpoch, snapshot.Epoch) + 1);
        return false;
    }

    private void Fail(Exception error)
    {
        var began = false;
        lock (_lock)
        {
            _changed = true;
            if (!_failing)
            {
                _failing = began = true;
                _outageSince = _time.GetTimestamp();
            }

            var pause = _pause == TimeSpan.Zero ? _firstPause : 2 * _pause;
            _pause = Least(pause, _longestPause) * (0.75 + (_random.NextDouble() / 4));
        }

        if (began)
        {
            _events.OutageBegan(error);
        }

        Wake();
    }

    private void Wake()
    {
        lock (_lock)
        {
            _wake.TrySetResult();
        }
    }
}
