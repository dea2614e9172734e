using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>
/// The life of one instance: its phase, its epoch, and the runs of its hooks. Overlapping calls of a hook share one run. Nothing in here
/// throws because something around it broke. Safe under concurrent callers; no lock is held while anything is waited for.
/// </summary>
public sealed class InstanceLifecycle : IDisposable
{
    private const string HookCause = "hook";

    /// <summary>What the work has to write down of a drain is a small file. A disk on which that takes longer holds nothing up.</summary>
    private static readonly TimeSpan _noteTime = TimeSpan.FromSeconds(1);

    private readonly IInstanceWork _work;
    private readonly IInvocations _invocations;
    private readonly LifecycleBudgets _budgets;
    private readonly TimeProvider _time;
    private readonly ThawDetector _detector;
    private readonly Action<TimeSpan> _beginLife;
    private readonly Lock _lock = new();

    // Taken before the other one: abandoning runs others' code, for which that one is not held, and must not meet
    // an admission opened again.
    private readonly Lock _doors = new();

    // Held while the work writes a drain down or strikes it out, so that these come in the order of what they tell.
    private readonly Lock _notes = new();
    private volatile InstanceState _state;
    private volatile bool _steady;
    private volatile Task? _thawCheck;
    private volatile bool _refusing;
    private Task<string?>? _initialising;
    private bool _initialisingByHook;
    private int _thawChecks;
    private HookRun? _freeze;
    private HookRun? _stop;
    private Receipt? _lastReceipt;
    private Receipt? _frozenBy;
    private bool _disposed;

    /// <summary>Makes an instance in phase Starting, epoch 1.</summary>
    /// <param name="identity">Who it is.</param>
    /// <param name="work">What is done around it.</param>
    /// <param name="invocations">Its invocations.</param>
    /// <param name="budgets">How long what may take; validated.</param>
    /// <param name="recorder">Where its events go.</param>
    /// <param name="time">The clock.</param>
    public InstanceLifecycle(
        InstanceIdentity identity,
        IInstanceWork work,
        IInvocations invocations,
        LifecycleBudgets budgets,
        FlightRecorder recorder,
        TimeProvider time)
    {
        Identity = identity;
        _work = work;
        _invocations = invocations;
        _budgets = budgets;
        Recorder = recorder;
        _time = time;
        _detector = new ThawDetector(budgets.ThawThreshold, time);
        _beginLife = BeginLife;
        _state = new InstanceState(InstancePhase.Starting, 1, Initialised: false, time.GetUtcNow());
        Accounting = new FreezeAccounting(Use, time);
        invocations.SetEpoch(1);
        Recorder.Record(1, "start", identity.Boot);
    }

    /// <summary>
    /// Raised after the phase or the epoch changed, by the thread that changed it, outside of locks. Handlers must be quick and not throw.
    /// </summary>
    public event Action<InstanceState>? Changed;

    /// <summary>A freeze or stop has ended, with its receipt. Raised as <see cref="Changed"/> is.</summary>
    public event Action<Receipt>? Ended;

    /// <summary>Who it is.</summary>
    public InstanceIdentity Identity { get; }

    /// <summary>Its last lifecycle events.</summary>
    public FlightRecorder Recorder { get; }

    /// <summary>Where its time went.</summary>
    public FreezeAccounting Accounting { get; }

    /// <summary>Its phase and life now.</summary>
    public InstanceState State => _state;

    /// <summary>What the last freeze or stop did; null before the first.</summary>
    public Receipt? LastReceipt
    {
        get
        {
            lock (_lock)
            {
                return _lastReceipt;
            }
        }
    }

    /// <summary>The stop that runs or has ended; null if there is none, or it was undone.</summary>
    public Task<Receipt>? Stopping
    {
        get
        {
            lock (_lock)
            {
                return _stop?.Task;
            }
        }
    }

    /// <summary>True while it leaves or has left: connections should end with their response.</summary>
    public bool IsLeaving => _state.Phase is InstancePhase.Draining or InstancePhase.Stopped;

    /// <summary>True while new requests are refused.</summary>
    public bool IsRefusing => _refusing;

    /// <summary>
    /// Called for each request before its admission. Costs two looks at the clock while the instance is Ready and no time is missing.
    /// </summary>
    /// <returns>True if the request may be admitted at once; false if <see cref="PassAsync"/> has to be awaited before.</returns>
    public bool TryPass()
    {
        // The new life begins before anybody else can see that no time is missing any more, and so pass.
        if (_detector.Observe(out var gap, _beginLife))
        {
            TellThaw(gap, _state);
        }

        return _steady;
    }

    /// <summary>
    /// Brings the instance to where a request can be admitted, as far as that can be: waits (a bounded time) for the data plane's
    /// connection after a thaw, and calls an announced freeze off.
    /// </summary>
    /// <param name="cancellationToken">The client has left.</param>
    public async ValueTask PassAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            switch (_state.Phase)
            {
                case InstancePhase.Frozen:
                    // No hole in time tells of it, but a request does: the announced freeze was a short one.
                    ThawByRequest();
                    break;
                case InstancePhase.Freezing:
                    // Fails if the freeze was quicker: looked at again.
                    Change(PhaseCause.FreezeCalledOff);
                    break;
                default:
                    // Read after the phase: whoever thaws sets it before the phase.
                    if (_thawCheck is not { } check)
                    {
                        return;
                    }

                    await check.WaitAsync(cancellationToken);
                    break;
            }
        }
    }

    /// <summary>
    /// The process's own tick, at most twice a second: it alone finds a freeze after which nobody calls. No input or output.
    /// </summary>
    public void Tick() => TryPass();

    /// <summary>
    /// Initialises the instance, or joins the run that does. A failed run may be followed by another.
    /// </summary>
    /// <param name="budget">How long a new run may take; null for the configured time. A run that is joined keeps its own.</param>
    /// <param name="byHook">Whether the platform asks for it: its other hooks wait their turn then.</param>
    /// <param name="cancellationToken">Ends the caller's wait, not the run.</param>
    /// <returns>Null if it is initialised; else what is missing, in words.</returns>
    public Task<string?> InitializeAsync(TimeSpan? budget, bool byHook, CancellationToken cancellationToken)
    {
        Task<string?> run;
        lock (_lock)
        {
            if (_state.Initialised)
            {
                return Task.FromResult<string?>(null);
            }

            if (_initialising is { IsCompleted: false } running)
            {
                _initialisingByHook |= byHook;
                run = running;
            }
            else
            {
                // Started on another thread: nothing of it may run under the lock.
                var total = budget ?? _budgets.Answerable(_budgets.Initialize);
                _initialisingByHook = byHook;
                run = _initialising = Task.Run(() => PrepareAsync(total), CancellationToken.None);
            }
        }

        return run.WaitAsync(cancellationToken);
    }

    /// <summary>Runs the freeze hook, or joins its run.</summary>
    /// <returns>What was done. It never fails.</returns>
    public Task<Receipt> FreezeAsync()
    {
        // A hook may be the first to run after a thaw: what it finds Frozen is then of an older life.
        Tick();
        HookRun run;
        lock (_lock)
        {
            if (_stop is not null)
            {
                return Task.FromResult(NotFreezing());
            }

            if (_freeze is { Task.IsCompleted: false } running)
            {
                return running.Task;
            }

            if (_state.Phase == InstancePhase.Frozen && _frozenBy is { } receipt)
            {
                return Task.FromResult(receipt);
            }

            run = _freeze = new HookRun(Receipt.PreFreeze, HookCause, _budgets.Answerable(_budgets.Freeze), _time);
            run.Task = Task.Run(() => FreezeAsync(run), CancellationToken.None);
        }

        return run.Task;
    }

    /// <summary>Stops the instance, or joins the stop that runs or has ended.</summary>
    /// <param name="cause">What asks for it: <c>hook</c>, <c>signal</c>, <c>order</c>, <c>intent</c>.</param>
    /// <returns>What was done. It never fails.</returns>
    public Task<Receipt> StopAsync(string cause)
    {
        Tick();
        HookRun run;
        lock (_lock)
        {
            if (_stop is not null)
            {
                _stop.Shared |= _stop.Cause != cause;
                if (cause != HookCause)
                {
                    _stop.Hurry();
                }

                return _stop.Task;
            }

            run = _stop = new HookRun(Receipt.PreStop, cause, _budgets.Answerable(_budgets.Stop), _time);
            run.Task = Task.Run(() => StopAsync(run), CancellationToken.None);
        }

        return run.Task;
    }

    /// <summary>Ends the waiting of a stop that runs: what is left is abandoned. Does nothing without one.</summary>
    public void Force()
    {
        HookRun? run;
        lock (_lock)
        {
            run = _stop;
        }

        run?.Force();
    }

    /// <summary>The drain of an earlier process of this container goes on: the instance refuses from its start.</summary>
    /// <param name="detail">What the intent says, for the recorder.</param>
    public void ResumeDrain(string detail)
    {
        Recorder.Record(_state.Epoch, "intent", detail);
        InstanceState state;
        lock (_lock)
        {
            if (!TryChange(PhaseCause.DrainBegun, out state))
            {
                return;
            }

            _refusing = true;
            _invocations.Close(stopped: false);
        }

        Tell("phase", $"{state.Phase}: {PhaseCause.DrainBegun}", state);
    }

    /// <summary>The drain that <see cref="ResumeDrain"/> took over ends, unless a stop of this process's own has begun meanwhile.</summary>
    /// <param name="cause">Why, for the recorder.</param>
    /// <returns>Whether it ended.</returns>
    public bool EndResumedDrain(string cause) => Undrain(cause, static stop => stop is null);

    /// <summary>
    /// Undoes a stop on behalf of who began it: not if it was undone and another one begun since, nor if it was begun by, or is wanted by, somebody else.
    /// </summary>
    /// <param name="stop">What <see cref="StopAsync(string)"/> has returned.</param>
    /// <param name="by">The cause that it was begun with.</param>
    /// <param name="cause">Why, for the recorder.</param>
    /// <returns>Whether it was undone.</returns>
    public bool UndoStop(Task<Receipt> stop, string by, string cause) =>
        Undrain(cause, run => run is { Shared: false } && ReferenceEquals(run.Task, stop) && run.Cause == by);

    /// <summary>
    /// What the stop that runs has done so far, for a caller who can't wait for its end: its verdict is Forced.
    /// The receipt once it has ended.
    /// </summary>
    public Receipt StopSoFar()
    {
        var counts = _invocations.Snapshot();
        lock (_lock)
        {
            return _stop is { Task.IsCompletedSuccessfully: true } ended ? ended.Task.Result
                : _stop is { } run ? Write(run, counts, _state) with { Verdict = Verdict.Forced }
                : NotFreezing() with { Hook = Receipt.PreStop, Verdict = Verdict.Forced };
        }
    }

    /// <summary>Undoes a drain or a stop, also one that has not come to its turn yet: the instance serves again.</summary>
    /// <param name="cause">Who undoes it, for the recorder.</param>
    /// <returns>False if there was nothing to undo.</returns>
    public bool Undrain(string cause) => Undrain(cause, static _ => true);

    /// <summary>An earlier process of this instance has got as far as an epoch: this one's lives begin above it.</summary>
    /// <param name="least">The least epoch from now on; below the present one nothing changes.</param>
    public void RaiseEpoch(long least)
    {
        InstanceState state;
        lock (_lock)
        {
            if (_state.Epoch >= least)
            {
                return;
            }

            _state = _state with { Epoch = least };
            _invocations.SetEpoch(least);
            state = _state;
        }

        Tell("epoch", $"{least}: the fleet knows of an earlier process", state);
    }

    /// <summary>
    /// An invocation has ended. The first of those that came after a thaw is what the caller of a frozen instance waited for. Nearly free.
    /// </summary>
    /// <param name="epoch">The epoch in which it was accepted.</param>
    public void Answered(long epoch)
    {
        if (epoch == _state.Epoch)
        {
            Accounting.Answered();
        }
    }

    /// <summary>Invocations are in flight, or none is left. Cheap: it is called at the edges only.</summary>
    public void ActivityChanged()
    {
        // The answer may be the first to run after a thaw: what passed meanwhile is the freeze's, and must not be booked on the invocation too.
        Tick();
        Accounting.Update();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
        }

        Force();
    }

    private bool Undrain(string cause, Predicate<HookRun?> may)
    {
        HookRun? run;
        InstanceState state;
        lock (_doors)
        {
            lock (_lock)
            {
                run = _stop;
                if (!may(run))
                {
                    return false;
                }

                if (!TryChange(_state.Initialised ? PhaseCause.Undrained : PhaseCause.UndrainedUninitialised, out state) && run is null)
                {
                    return false;
                }

                _stop = null;
                _refusing = false;
                _invocations.Open();
            }
        }

        run?.CallOff();
        Tell("undrain", cause, state);
        StrikeOut(run);
        return true;
    }

    private async Task<string?> PrepareAsync(TimeSpan total)
    {
        using var budget = new Budget(total, _time, CancellationToken.None);

        // Work that heeds its token says what is missing; only work that does not is left behind.
        using var patience = new Budget(total + (_budgets.AnswerMargin / 2), _time, CancellationToken.None);
        string? missing;
        try
        {
            missing = await Task.Run(() => _work.PrepareAsync(budget.Token), CancellationToken.None).WaitAsync(patience.Token);
        }
        catch (OperationCanceledException) when (budget.IsOver)
        {
            missing = "the time was over";
        }
        catch (Exception error)
        {
            missing = error.Message;
        }

        Tick();
        InstanceState state;
        lock (_lock)
        {
            if (missing is null && !_state.Initialised)
            {
                // Also while it drains: undoing the drain then leads to Ready.
                _state = _state with { Initialised = true };
                TryChange(PhaseCause.Initialised, out _);
            }

            state = _state;
        }

        Tell("initialize", missing ?? "done", state);
        return missing;
    }

    private async Task<Receipt> FreezeAsync(HookRun run)
    {
        using var time = run.Time;
        using var budget = run.Budget;
        await WaitItsTurnAsync(run);
        if (!Change(PhaseCause.FreezeBegun))
        {
            // Not initialised, or leaving: there is nothing to announce, and the platform freezes all the same.
            await FlushAsync(run);
            run.CalledOff = true;
        }
        else
        {
            // Not the phase that is told: it may be that of an earlier change, told late.
            void Watch(InstanceState told)
            {
                if (_state.Phase != InstancePhase.Freezing)
                {
                    run.CallOff();
                }
            }

            Changed += Watch;
            Watch(_state);
            try
            {
                using (var part = budget.Take(Timeout.InfiniteTimeSpan, _budgets.Flush))
                {
                    await run.StepAsync("finish", _invocations.WhenIdleAsync, part.Token);
                }

                await FlushAsync(run);
                if (!run.CalledOff)
                {
                    // A snapshot that says Frozen, and not Freezing, is what others are to see of a silent instance.
                    run.CalledOff = !Freeze(run);
                    await run.StepAsync("publish", Publish(run), budget.Token);
                }
            }
            finally
            {
                Changed -= Watch;
            }
        }

        var receipt = Issue(run);
        lock (_lock)
        {
            _frozenBy = receipt;
        }

        return receipt;
    }

    /// <summary>
    /// A flush that hangs leaves half of what is kept for the end: the last snapshot is the last word of a silent instance.
    /// </summary>
    private async Task FlushAsync(HookRun run)
    {
        using var part = run.Budget.Take(Timeout.InfiniteTimeSpan, _budgets.Flush / 2);
        await run.StepAsync("flush", Apart(_work.FlushAsync), part.Token);
    }

    private bool Freeze(HookRun run)
    {
        run.Settled = true;
        return Change(PhaseCause.FreezeReached);
    }

    private async Task<Receipt> StopAsync(HookRun run)
    {
        using var time = run.Time;
        using var budget = run.Budget;
        await NoteAsync(() => WriteDown(run), budget);
        await WaitItsTurnAsync(run);
        BeginDrain(run);
        if (!_refusing && _budgets.LameDuck > TimeSpan.Zero)
        {
            using var part = budget.Take(_budgets.LameDuck, _budgets.Flush);
            await run.StepAsync("lame-duck", WaitOutAsync, part.Token, endIsFine: true);
        }

        if (Refuse(run))
        {
            using var part = budget.Take(Timeout.InfiniteTimeSpan, _budgets.Flush);
            await run.StepAsync("finish", _invocations.WhenIdleAsync, part.Token);
            await run.StepAsync("workers", Apart(_work.WorkersIdleAsync), part.Token);
        }

        Abandon(run);
        await FlushAsync(run);
        if (EndDrain(run))
        {
            // Side by side: neither may use up the other's time.
            var struckOut = NoteAsync(() => StrikeOut(run), time);
            await run.StepAsync("publish", Publish(run), budget.Token);
            await struckOut;
        }

        return Issue(run);

        async Task WaitOutAsync(CancellationToken token) => await Task.Delay(Timeout.InfiniteTimeSpan, _time, token);
    }

    private void BeginDrain(HookRun run)
    {
        InstanceState state;
        lock (_lock)
        {
            // One that was undone meanwhile must not begin after all: nobody would end it.
            if (_stop != run || !TryChange(PhaseCause.DrainBegun, out state))
            {
                return;
            }
        }

        Tell("phase", $"{state.Phase}: {PhaseCause.DrainBegun}", state);
    }

    private bool Refuse(HookRun run)
    {
        lock (_lock)
        {
            if (_stop != run)
            {
                return false;
            }

            _refusing = true;
            _invocations.Close(stopped: false);
            return true;
        }
    }

    private void Abandon(HookRun run)
    {
        var abandoned = 0;
        lock (_doors)
        {
            lock (_lock)
            {
                if (_stop != run)
                {
                    return;
                }
            }

            try
            {
                abandoned = _invocations.AbandonAll();
            }
            catch (Exception error)
            {
                run.Forced = true;
                Recorder.Record(_state.Epoch, "fault", error.Message);
            }
        }

        if (abandoned > 0)
        {
            run.Forced = true;
            run.Add(new StepTime("abandon", 0, abandoned.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }
    }

    private bool EndDrain(HookRun run)
    {
        Tick();
        InstanceState state;
        lock (_lock)
        {
            if (_stop != run || !TryChange(PhaseCause.DrainEnded, out state))
            {
                return false;
            }

            run.Settled = true;
            _invocations.Close(stopped: true);
        }

        Tell("phase", $"{state.Phase}: {PhaseCause.DrainEnded}", state);
        return true;
    }

    /// <summary>Waits for a drain to be written down or struck out, a bounded time: a disk may hang.</summary>
    private async Task NoteAsync(Action note, Budget budget)
    {
        using var part = budget.Take(_noteTime, TimeSpan.Zero);
        try
        {
            await Task.Run(note, CancellationToken.None).WaitAsync(part.Token);
        }
        catch (OperationCanceledException)
        {
            Recorder.Record(_state.Epoch, "fault", "the note of the drain takes too long");
        }
    }

    private void WriteDown(HookRun run)
    {
        lock (_notes)
        {
            if (StopNow() == run)
            {
                Guard(() => _work.DrainBegins(new DrainBeginning(run.Cause, run.Budget.Total)));
            }
        }
    }

    private void StrikeOut(HookRun? run)
    {
        lock (_notes)
        {
            // What a stop that has begun since has written down stays.
            if (StopNow() is not { } stop || stop == run)
            {
                Guard(_work.DrainOver);
            }
        }
    }

    private HookRun? StopNow()
    {
        lock (_lock)
        {
            return _stop;
        }
    }

    /// <summary>
    /// A hook that comes during the platform's /initialize waits its turn; whether that succeeds is not its matter. A signal waits for
    /// nobody, also one that joins a hook's stop, and the instance's own tries to start hold no hook up.
    /// </summary>
    private async Task WaitItsTurnAsync(HookRun run)
    {
        Task? initialising;
        lock (_lock)
        {
            initialising = _initialisingByHook && _initialising is { IsCompleted: false } running ? running : null;
        }

        if (initialising is not null && run.Cause == HookCause)
        {
            using var part = run.Budget.Take(Timeout.InfiniteTimeSpan, _budgets.Flush);
            await run.StepAsync("initialize", _ => Task.WhenAny(initialising, run.Urgent), part.Token);
        }
    }

    private Func<CancellationToken, Task> Publish(HookRun run)
    {
        var counts = _invocations.Snapshot();
        var receipt = Write(run, counts, _state);
        return Apart(token => _work.PublishAsync(receipt, token));
    }

    private Receipt Issue(HookRun run)
    {
        var counts = _invocations.Snapshot();
        Receipt receipt;
        lock (_lock)
        {
            // Undone, thawed or taken over in its last step: what it was meant to reach is no more.
            run.CalledOff |= run.Hook == Receipt.PreStop ? _stop != run : _state.Phase != InstancePhase.Frozen;
            receipt = Write(run, counts, _state);
            _lastReceipt = receipt;
        }

        var verdict = receipt.CalledOff ? $"{receipt.Verdict}, called off" : receipt.Verdict.ToString();
        Recorder.Record(receipt.Epoch, run.Hook, $"{verdict}, {receipt.InFlight} in flight, {receipt.Abandoned} abandoned");
        Ended?.Invoke(receipt);
        return receipt;
    }

    private Receipt Write(HookRun run, LedgerSnapshot counts, InstanceState state) => new(
        run.Hook,
        run.Cause,
        Identity.InstanceId,
        Identity.Boot,
        state.Epoch,
        state.Phase,
        counts.Accepted,
        counts.Completed,
        counts.Failed,
        counts.Cancelled,
        counts.Abandoned,
        counts.InFlight,
        run.StepsSoFar(),
        run.Budget.Spent.TotalMilliseconds,
        run.Forced ? Verdict.Forced : Verdict.Clean,
        run.CalledOff,
        _time.GetUtcNow());

    private Receipt NotFreezing()
    {
        var none = new HookRun(Receipt.PreFreeze, HookCause, TimeSpan.Zero, _time) { CalledOff = true };
        using var time = none.Time;
        using var budget = none.Budget;
        return Write(none, _invocations.Snapshot(), _state);
    }

    // A step that blocks its thread must not hold the hook's answer up either.
    private static Func<CancellationToken, Task> Apart(Func<CancellationToken, Task> work) =>
        token => Task.Run(() => work(token), CancellationToken.None);

    private void ThawByRequest()
    {
        InstanceState state;
        lock (_lock)
        {
            if (_state.Phase != InstancePhase.Frozen)
            {
                return;
            }

            BeginLife(TimeSpan.Zero);
            state = _state;
        }

        TellThaw(TimeSpan.Zero, state);
    }

    private void BeginLife(TimeSpan gap)
    {
        lock (_lock)
        {
            // First what holds requests up, then the phase that lets them on.
            _steady = false;
            var number = ++_thawChecks;
            _thawCheck = Task.Run(() => CheckAsync(number), CancellationToken.None);
            Accounting.Thawed(gap);
            _state = _state with { Epoch = _state.Epoch + 1 };
            _invocations.SetEpoch(_state.Epoch);
            TryChange(PhaseCause.Thawed, out _);
        }
    }

    private void TellThaw(TimeSpan gap, InstanceState state)
    {
        Tell("thaw", gap.ToString(), state);

        // A request waits for it to return.
        _ = Task.Run(() => Guard(() => _work.Thawed(gap)), CancellationToken.None);
    }

    private async Task CheckAsync(int number)
    {
        using var budget = new Budget(_budgets.ThawCheck, _time, CancellationToken.None);
        try
        {
            // Whatever hangs in there can't hold a request up for longer.
            await Task.Run(() => _work.CheckDataPlaneAsync(budget.Token), CancellationToken.None).WaitAsync(budget.Token);
        }
        catch (Exception)
        {
            // The invocation itself will tell what is wrong, in its own terms.
        }

        lock (_lock)
        {
            if (number == _thawChecks)
            {
                _thawCheck = null;
                UpdateSteady();
            }
        }
    }

    private bool Change(PhaseCause cause)
    {
        // A freeze that nobody has seen yet must not be booked on the phase that ends.
        Tick();
        InstanceState state;
        lock (_lock)
        {
            if (!TryChange(cause, out state))
            {
                return false;
            }
        }

        Tell("phase", $"{state.Phase}: {cause}", state);
        return true;
    }

    // Under the lock.
    private bool TryChange(PhaseCause cause, out InstanceState state)
    {
        var may = PhaseTable.TryNext(_state.Phase, cause, out var next);
        if (may)
        {
            _state = _state with { Phase = next, Since = _time.GetUtcNow() };
            UpdateSteady();
            Accounting.Update();
        }

        state = _state;
        return may;
    }

    private void UpdateSteady() => _steady = _state.Phase == InstancePhase.Ready && _thawCheck is null;

    private TimeUse Use() => _state.Phase switch
    {
        InstancePhase.Starting => TimeUse.Starting,
        InstancePhase.Draining or InstancePhase.Stopped => TimeUse.Draining,
        _ => _invocations.InFlight > 0 ? TimeUse.Active : TimeUse.WarmIdle,
    };

    private void Tell(string kind, string detail, InstanceState state)
    {
        Recorder.Record(state.Epoch, kind, detail);
        if (_disposed || Changed is not { } changed)
        {
            return;
        }

        // One by one: a handler that throws keeps nothing from the others.
        foreach (var handler in Delegate.EnumerateInvocationList(changed))
        {
            Guard(() => handler(state));
        }
    }

    private void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (Exception error)
        {
            Recorder.Record(_state.Epoch, "fault", error.Message);
        }
    }
}
