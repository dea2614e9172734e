namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>One run of a hook: its budget, its steps, and how it ends.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Design",
    "CA1001",
    Justification = "Its token sources have no timers and are cancelled by whoever comes late; the collector takes them.")]
internal sealed class HookRun
{
    private readonly CancellationTokenSource _force = new();
    private readonly CancellationTokenSource _callOff = new();
    private readonly TaskCompletionSource _urgent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<StepTime> _steps = [];
    private readonly TimeProvider _time;
    private volatile bool _forced;
    private volatile bool _calledOff;
    private volatile bool _settled;

    public HookRun(string hook, string cause, TimeSpan total, TimeProvider time)
    {
        Hook = hook;
        Cause = cause;
        _time = time;
        Time = new Budget(total, time, CancellationToken.None);
        Budget = new Budget(total, time, _force.Token);
    }

    public string Hook { get; }

    public string Cause { get; }

    /// <summary>Whether others than who began it want it too. Guarded by the lifecycle's lock.</summary>
    public bool Shared { get; set; }

    public Budget Budget { get; }

    /// <summary>The same time, for what has to be done also when the run is forced.</summary>
    public Budget Time { get; }

    public Task<Receipt> Task { get; set; } = null!;

    public bool Forced
    {
        get => _forced;
        set => _forced = value;
    }

    public bool CalledOff
    {
        get => _calledOff;
        set => _calledOff = value;
    }

    /// <summary>True once its aim is reached: a change of phase no longer calls it off.</summary>
    public bool Settled
    {
        get => _settled;
        set => _settled = value;
    }

    /// <summary>Completed once somebody wants it who waits for nobody's turn.</summary>
    public Task Urgent => _urgent.Task;

    public IReadOnlyList<StepTime> StepsSoFar()
    {
        lock (_steps)
        {
            return [.. _steps];
        }
    }

    public void Add(StepTime step)
    {
        lock (_steps)
        {
            _steps.Add(step);
        }
    }

    public void Force()
    {
        Forced = true;
        Budget.Cancel(_force);
    }

    public void Hurry() => _urgent.TrySetResult();

    public void CallOff()
    {
        if (!Settled)
        {
            CalledOff = true;
            Budget.Cancel(_callOff);
        }
    }

    /// <summary>
    /// Runs a step until it ends, its token is cancelled, or the run is called off. Whatever it throws is told in the receipt.
    /// </summary>
    /// <param name="name">The step's name.</param>
    /// <param name="step">The step; null if there is nothing to do, which leaves no trace.</param>
    /// <param name="until">Cancelled when its time is over.</param>
    /// <param name="endIsFine">True for a step whose time is meant to be used up.</param>
    public async Task StepAsync(string name, Func<CancellationToken, Task>? step, CancellationToken until, bool endIsFine = false)
    {
        if (step is null || CalledOff)
        {
            return;
        }

        var began = _time.GetTimestamp();
        var outcome = StepTime.Done;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(until, _callOff.Token);
        try
        {
            // A step that does not heed its token must not hold the hook's answer up.
            await step(either.Token).WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (_callOff.IsCancellationRequested)
        {
            outcome = StepTime.CalledOff;
        }
        catch (OperationCanceledException) when (until.IsCancellationRequested)
        {
            outcome = endIsFine ? StepTime.Done : StepTime.BudgetOver;
            Forced |= !endIsFine;
        }
        catch (Exception error)
        {
            outcome = "failed: " + error.Message;
            Forced = true;
        }

        Add(new StepTime(name, _time.GetElapsedTime(began).TotalMilliseconds, outcome));
    }
}
