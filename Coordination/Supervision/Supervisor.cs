namespace NoslateFleet.Coordination.Supervision;

/// <summary>Does to a part of the process what <see cref="SupervisorMachine"/> says, and tells it what came of it.</summary>
public sealed class Supervisor : IDisposable
{
    // A part that is of no use any more gets this long to end in order before it is ended by force.
    private static readonly TimeSpan _forceAfter = TimeSpan.FromSeconds(2);

    private readonly ISupervised _part;
    private readonly TimeProvider _time;
    private readonly long _origin;
    private readonly SupervisorMachine _machine;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _patience = new();
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenSource? _running;
    private volatile SupervisorState _state;

    /// <summary>Makes a supervisor that has begun nothing.</summary>
    /// <param name="part">What it supervises.</param>
    /// <param name="options">The pace.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Spreads the pauses.</param>
    public Supervisor(ISupervised part, SupervisorOptions options, TimeProvider time, Random random)
    {
        _part = part;
        _time = time;
        _origin = time.GetTimestamp();
        _machine = new SupervisorMachine(options, random);
        _state = _machine.State;
    }

    /// <summary>
    /// The state has changed. Called one at a time, in order, before anything follows from the change; must be quick, must not throw and must not call
    /// the supervisor.
    /// </summary>
    public event Action<SupervisorState>? Changed;

    /// <summary>Where the part stands.</summary>
    public SupervisorState State => _state;

    /// <summary>Begins: the part is started as soon as possible. Returns at once.</summary>
    public void Begin() => Post(new SupervisorEvent(SupervisorEventKind.Begin));

    /// <summary>The part is of no use any more. Returns at once, may be called from within the part.</summary>
    /// <param name="life">The life that is lost; a later one is not harmed.</param>
    /// <param name="detail">Why.</param>
    public void Lost(long life, string detail) => Post(new SupervisorEvent(SupervisorEventKind.Lost, life, detail));

    /// <summary>The processor stood still: the part is looked at before it is relied on again. Returns at once, with the state changed.</summary>
    public void Thawed() => Post(new SupervisorEvent(SupervisorEventKind.Thawed));

    /// <summary>Stops the part for good.</summary>
    /// <param name="cancellationToken">Patience is over: the rest by force, and not waited for.</param>
    /// <returns>Whether the part is gone; false if it still was not when patience was over.</returns>
    public async Task<bool> StopAsync(CancellationToken cancellationToken)
    {
        Post(new SupervisorEvent(SupervisorEventKind.StopAsked));
        try
        {
            await _finished.Task.WaitAsync(cancellationToken);
            return true;
        }
        catch (OperationCanceledException)
        {
            await _patience.CancelAsync();
            return _finished.Task.IsCompleted;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _running?.Cancel();
        }

        _patience.Cancel();
    }

    private void Post(SupervisorEvent what)
    {
        lock (_lock)
        {
            var action = _machine.On(what, _time.GetElapsedTime(_origin));
            if (_state != _machine.State)
            {
                _state = _machine.State;
                Changed?.Invoke(_state);
            }

            Perform(action);
        }
    }

    private void Perform(SupervisorAction action)
    {
        if (action.Kind == SupervisorActionKind.None)
        {
            return;
        }

        // Whatever is under way has had its say: a start ends soon, a look or a pause is over.
        _running?.Cancel();
        if (action.Kind == SupervisorActionKind.CancelStart)
        {
            return;
        }

        if (action.Kind == SupervisorActionKind.Finish)
        {
            _finished.TrySetResult();
            return;
        }

        // Not disposed of: it holds nothing, and who was given its token may still look at it.
        var running = _running = new CancellationTokenSource();
        _ = Task.Run(() => PerformAsync(action, running.Token), CancellationToken.None);
    }

    private async Task PerformAsync(SupervisorAction action, CancellationToken cancellationToken)
    {
        try
        {
            Post(action.Kind switch
            {
                SupervisorActionKind.Start => await StartAsync(action, cancellationToken),
                SupervisorActionKind.Verify => await VerifyAsync(action, cancellationToken),
                SupervisorActionKind.Stop => await StopAsync(action),
                _ => await PauseAsync(action, cancellationToken),
            });
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Another action took its place.
        }
    }

    private async Task<SupervisorEvent> StartAsync(SupervisorAction action, CancellationToken cancellationToken)
    {
        try
        {
            await _part.StartAsync(action.Life, cancellationToken);
            return new SupervisorEvent(SupervisorEventKind.Started, action.Turn);
        }
        catch (Exception error)
        {
            return new SupervisorEvent(SupervisorEventKind.StartFailed, action.Turn, error.Message);
        }
    }

    private async Task<SupervisorEvent> VerifyAsync(SupervisorAction action, CancellationToken cancellationToken)
    {
        if (action.Delay > TimeSpan.Zero)
        {
            await Task.Delay(action.Delay, _time, cancellationToken);
        }

        try
        {
            var found = await _part.VerifyAsync(cancellationToken);
            return new SupervisorEvent(found.Kind, action.Turn, found.Detail);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            return new SupervisorEvent(SupervisorEventKind.Broken, action.Turn, error.Message);
        }
    }

    private async Task<SupervisorEvent> StopAsync(SupervisorAction action)
    {
        using var force = CancellationTokenSource.CreateLinkedTokenSource(_patience.Token);
        using var timer = action.Graceful ? null : _time.CreateTimer(static source => Cancel((CancellationTokenSource)source!), force, _forceAfter, Timeout.InfiniteTimeSpan);
        string? trouble = null;
        try
        {
            await _part.StopAsync(action.Graceful, force.Token);
        }
        catch (Exception error)
        {
            // It is gone, if not in order.
            trouble = error.Message;
        }

        return new SupervisorEvent(SupervisorEventKind.Ended, action.Turn, trouble);
    }

    private async Task<SupervisorEvent> PauseAsync(SupervisorAction action, CancellationToken cancellationToken)
    {
        await Task.Delay(action.Delay, _time, cancellationToken);
        return new SupervisorEvent(SupervisorEventKind.PauseOver, action.Turn);
    }

    private static void Cancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The stop ended in the same moment.
        }
    }
}
