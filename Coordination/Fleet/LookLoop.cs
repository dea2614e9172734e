using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// Looks for something in the directory: at the start, when told, after a thaw, when something it waits for has ended, and after a while where the
/// directory failed. One look at a time; being told during one makes for one more. A look that fails is tried again, and told to the flight recorder
/// once, unless the directory is what failed: whoever publishes tells of that.
/// </summary>
/// <remarks>Nothing in here throws at its caller, and no lock is held while anything is waited for.</remarks>
internal sealed class LookLoop : IAsyncDisposable
{
    /// <summary>After which time a directory that failed is tried again, if nothing tells that it is back.</summary>
    public static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(5);

    private readonly string _name;
    private readonly InstanceLifecycle _lifecycle;
    private readonly Func<CancellationToken, Task> _look;
    private readonly Func<LookWait> _wait;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _due = new(1);
    private readonly Lock _lock = new();

    // Guarded by the lock.
    private bool _started;
    private bool _dueTold = true;

    private bool _failed;
    private long _epoch;
    private IDisposable? _listening;
    private Task _loop = Task.CompletedTask;

    /// <summary>A loop that has not begun.</summary>
    /// <param name="name">What it looks for, for the flight recorder.</param>
    /// <param name="lifecycle">Tells of thaws, and has the recorder.</param>
    /// <param name="look">Looks.</param>
    /// <param name="wait">Tells, before each wait, what it is for.</param>
    /// <param name="time">The clock.</param>
    public LookLoop(string name, InstanceLifecycle lifecycle, Func<CancellationToken, Task> look, Func<LookWait> wait, TimeProvider time)
    {
        _name = name;
        _lifecycle = lifecycle;
        _look = look;
        _wait = wait;
        _time = time;
    }

    /// <summary>Begins. Does nothing the second time.</summary>
    /// <param name="listen">Begins to listen for what makes it look.</param>
    public void Start(Func<IDisposable> listen)
    {
        lock (_lock)
        {
            if (_started)
            {
                return;
            }

            _started = true;
        }

        _epoch = _lifecycle.State.Epoch;
        _lifecycle.Changed += OnChanged;
        _loop = Task.Run(RunAsync, CancellationToken.None);
        _listening = listen();
    }

    /// <summary>Looks now.</summary>
    public void Look()
    {
        lock (_lock)
        {
            if (_dueTold)
            {
                return;
            }

            _dueTold = true;
        }

        _due.Release();
    }

    /// <summary>Ends, and ends a look that is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        _lifecycle.Changed -= OnChanged;
        _listening?.Dispose();
        await _stop.CancelAsync();
        await _loop;
    }

    private void OnChanged(InstanceState state)
    {
        // Changes that cross may be told in the wrong order.
        if (Interlocked.Exchange(ref _epoch, state.Epoch) != state.Epoch)
        {
            Look();
        }
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await WaitAsync();
                await LookAsync();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The only way out.
        }
    }

    private async Task LookAsync()
    {
        try
        {
            await _look(_stop.Token);
            _failed = false;
        }
        catch (Exception error) when (!_stop.IsCancellationRequested)
        {
            if (!_failed && error is not FleetDirectoryException)
            {
                _lifecycle.Recorder.Record(_lifecycle.State.Epoch, "fault", $"{_name}: {error.Message}");
            }

            _failed = true;
        }
    }

    private async Task WaitAsync()
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var due = _due.WaitAsync(over.Token);
        List<Task> any = [due];
        var (longest, until) = _wait();
        if (_failed && (longest == Timeout.InfiniteTimeSpan || longest > RetryPause))
        {
            longest = RetryPause;
        }

        if (until is not null)
        {
            any.Add(until);
        }

        if (longest != Timeout.InfiniteTimeSpan)
        {
            any.Add(Task.Delay(longest, _time, over.Token));
        }

        await Task.WhenAny(any);
        await over.CancelAsync();
        await due.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Token.ThrowIfCancellationRequested();
        if (due.IsCompletedSuccessfully)
        {
            lock (_lock)
            {
                _dueTold = false;
            }
        }
    }
}
