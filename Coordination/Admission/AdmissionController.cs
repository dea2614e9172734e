using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Admission;

/// <summary>
/// Decides which invocations are forwarded: at once while there is a slot, else after waiting in the order they came, or not at all.
/// A request that waits is not yet accepted and not in the ledger. Safe under concurrent callers.
/// </summary>
/// <remarks>
/// A slot at hand is taken in the ledger alone. Everything else (waiting, refusing, closing) is done with all of the ledger's stripes
/// locked, so that each step is
/// one instant, and no other code runs in it. While somebody waits no newcomer is let in: the slot that becomes free goes to who waits.
/// Only
/// those whose function is at its own limit are passed, by requests for other functions.
/// </remarks>
public sealed class AdmissionController
{
    /// <summary>Timers reach no further; who has more time than that never gives up.</summary>
    private static readonly TimeSpan _longestTimer = TimeSpan.FromDays(40);

    private readonly InvocationLedger _ledger;
    private readonly TimeProvider _time;
    private readonly int _limit;
    private readonly int _functionLimit;
    private readonly int _maxQueued;
    private readonly TimeSpan _maxRetryAfter;
    private readonly List<WaitingLine> _lines = [];
    private readonly long[] _refused = new long[Enum.GetValues<RefusalReason>().Length];
    private RefusalReason _closedFor;
    private long _lastNumber;
    private int _waiting;

    /// <summary>An open admission.</summary>
    /// <param name="ledger">The ledger in which accepted invocations are entered. It can have one admission only.</param>
    /// <param name="options">The limits. Later changes have no effect.</param>
    /// <param name="time">The clock for deadlines: the ledger's.</param>
    /// <exception cref="ArgumentException">The options are not valid.</exception>
    /// <exception cref="InvalidOperationException">The ledger has an admission already, or invocations in flight.</exception>
    public AdmissionController(InvocationLedger ledger, AdmissionOptions options, TimeProvider time)
    {
        if (options.Validate() is { Count: > 0 } errors)
        {
            throw new ArgumentException(string.Join('\n', errors), nameof(options));
        }

        _ledger = ledger;
        _time = time;
        _limit = options.MaxConcurrent;
        _functionLimit = options.MaxConcurrentPerFunction;
        _maxQueued = options.MaxQueued;
        _maxRetryAfter = options.MaxRetryAfter;
        ledger.Limit(_limit, _functionLimit, Freed);
    }

    /// <summary>Requests that wait for a slot now.</summary>
    public int Queued => Volatile.Read(ref _waiting);

    /// <summary>Whether admission is open.</summary>
    public bool IsOpen => !_ledger.IsClosed;

    /// <summary>How many requests were refused so far.</summary>
    /// <param name="reason">For which reason.</param>
    public long Refused(RefusalReason reason) => Interlocked.Read(ref _refused[(int)reason]);

    /// <summary>
    /// Accepts an invocation, at once and without allocation if a slot is free; else waits for one, or refuses.
    /// </summary>
    /// <param name="target">The function's or service's name.</param>
    /// <param name="requestId">The request's id.</param>
    /// <param name="timeLeft">Time until the request's deadline; <see cref="Timeout.InfiniteTimeSpan"/>: none. Passing while it waits,
    /// it is refused.</param>
    /// <param name="cancellationToken">Gives up waiting, without a trace. Has no effect on what was accepted.</param>
    /// <returns>The ticket, or why there is none.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before a decision.</exception>
    public ValueTask<AdmissionResult> AdmitAsync(string target, string requestId, TimeSpan timeLeft, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<AdmissionResult>(cancellationToken);
        }

        if (!HasPassed(timeLeft)
            && _ledger.Functions.Admissible(target) is { } function
            && _ledger.TryAccept(function, target, requestId, out var ticket, out var first))
        {
            if (first)
            {
                _ledger.RaiseBusy();
            }

            return new ValueTask<AdmissionResult>(new AdmissionResult(ticket, TimeSpan.Zero));
        }

        return AdmitOrWait(target, requestId, timeLeft, cancellationToken);
    }

    /// <summary>
    /// The name under which a function's invocations are counted: its own, or that of all names that found no room of their own.
    /// </summary>
    /// <param name="target">The function's or service's name.</param>
    /// <returns>Null if it is none of this instance's functions.</returns>
    public string? NameOf(string target) => _ledger.Functions.Admissible(target)?.Name;

    /// <summary>Admits again. Functions closed one by one stay closed.</summary>
    public void Open()
    {
        _ledger.LockAll();
        _ledger.SetClosedHeld(false);
        _ledger.UnlockAll();
    }

    /// <summary>
    /// Closes admission for one function, as <see cref="Close(RefusalReason)"/> does for all, with reason Draining. It stays closed until
    /// it is opened or the process ends.
    /// </summary>
    /// <param name="target">The function's or service's name.</param>
    /// <returns>False if it is none of this instance's functions, or counted together with others: nothing was closed.</returns>
    public bool CloseFunction(string target)
    {
        _ledger.LockAll();
        try
        {
            if (OwnEntry(target) is not { } function)
            {
                return false;
            }

            function.Closed = true;
            if (_lines.Find(l => ReferenceEquals(l.Function, function)) is { } line)
            {
                RefuseLine(line, RefusalReason.Draining);
            }

            return true;
        }
        finally
        {
            _ledger.UnlockAll();
        }
    }

    /// <summary>Admits one function's invocations again.</summary>
    /// <param name="target">The function's or service's name.</param>
    /// <returns>False if it was not closed.</returns>
    public bool OpenFunction(string target)
    {
        _ledger.LockAll();
        try
        {
            if (OwnEntry(target) is not { Closed: true } function)
            {
                return false;
            }

            function.Closed = false;
            return true;
        }
        finally
        {
            _ledger.UnlockAll();
        }
    }

    /// <summary>Whether a function was closed on its own.</summary>
    /// <param name="target">The function's or service's name.</param>
    public bool IsFunctionClosed(string target) => _ledger.Functions.Find(target) is { Closed: true };

    /// <summary>
    /// Closes admission. Once it returns, no invocation is accepted any more, by no thread, and every request that waited has been
    /// refused; what
    /// was accepted before is in flight. Closed already, only the reason changes.
    /// </summary>
    /// <param name="reason">Draining or Stopped.</param>
    /// <exception cref="ArgumentOutOfRangeException">Another reason.</exception>
    public void Close(RefusalReason reason)
    {
        if (reason is not (RefusalReason.Draining or RefusalReason.Stopped))
        {
            throw new ArgumentOutOfRangeException(nameof(reason), reason, "must be Draining or Stopped");
        }

        _ledger.LockAll();
        try
        {
            _closedFor = reason;
            _ledger.SetClosedHeld(true);
            for (var i = _lines.Count - 1; i >= 0; i--)
            {
                RefuseLine(_lines[i], reason);
            }
        }
        finally
        {
            _ledger.UnlockAll();
        }
    }

    /// <summary>Sets which names are functions or services of this instance. Requests that wait for another are refused.</summary>
    /// <param name="names">The names; null: any name is admitted.</param>
    public void SetFunctions(IReadOnlySet<string>? names) => SetFunctions(names, admitOthers: names is null);

    /// <summary>Sets which names are functions or services of this instance: each is counted, and limited, under its own name.</summary>
    /// <param name="names">The names; null: none is known.</param>
    /// <param name="admitOthers">Whether other names are admitted as well, as far as there is room counted one by one; else requests that wait for
    /// them are refused.</param>
    public void SetFunctions(IReadOnlySet<string>? names, bool admitOthers)
    {
        _ledger.SetFunctions(names, admitOthers);
        if (admitOthers)
        {
            return;
        }

        _ledger.LockAll();
        try
        {
            for (var i = _lines.Count - 1; i >= 0; i--)
            {
                if (!_lines[i].Function.Listed)
                {
                    RefuseLine(_lines[i], RefusalReason.UnknownFunction);
                }
            }
        }
        finally
        {
            _ledger.UnlockAll();
        }
    }

    /// <summary>Decides at once, also that a request has to wait: then <see cref="WaitAsync(Waiter, CancellationToken)"/> is to be called.</summary>
    /// <param name="target">The function's or service's name.</param>
    /// <param name="requestId">The request's id.</param>
    /// <param name="timeLeft">Time until the request's deadline; <see cref="Timeout.InfiniteTimeSpan"/>: none.</param>
    /// <param name="waiter">Its place in line, if it has to wait.</param>
    /// <param name="first">Whether <see cref="InvocationLedger.RaiseBusy"/> is to be called, once no lock is held.</param>
    /// <returns>The decision; null if it has to wait.</returns>
    internal AdmissionResult? Decide(string target, string requestId, TimeSpan timeLeft, out Waiter? waiter, out bool first)
    {
        waiter = null;
        if (!HasPassed(timeLeft)
            && _ledger.Functions.Admissible(target) is { } function
            && _ledger.TryAccept(function, target, requestId, out var ticket, out first))
        {
            return new AdmissionResult(ticket, TimeSpan.Zero);
        }

        _ledger.LockAll();
        try
        {
            return DecideHeld(target, requestId, timeLeft, out waiter, out first);
        }
        finally
        {
            _ledger.UnlockAll();
        }
    }

    /// <summary>Waits until somebody who was put in line is decided about, or gives up.</summary>
    /// <param name="waiter">Its place in line.</param>
    /// <param name="cancellationToken">Gives up waiting, without a trace.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled before a decision.</exception>
    internal Task<AdmissionResult> WaitAsync(Waiter waiter, CancellationToken cancellationToken)
    {
        var timeLeft = Timeout.InfiniteTimeSpan;
        if (waiter.Deadline is { } deadline)
        {
            var now = _time.GetTimestamp();
            timeLeft = now < deadline ? _time.GetElapsedTime(now, deadline) : TimeSpan.Zero;
        }

        return WaitAsync(waiter, timeLeft, cancellationToken);
    }

    internal void RaiseBusy(bool first)
    {
        if (first)
        {
            _ledger.RaiseBusy();
        }
    }

    private static bool HasPassed(TimeSpan timeLeft) => timeLeft <= TimeSpan.Zero && timeLeft != Timeout.InfiniteTimeSpan;

    private ValueTask<AdmissionResult> AdmitOrWait(string target, string requestId, TimeSpan timeLeft, CancellationToken cancellationToken)
    {
        Waiter? waiter;
        bool first;
        AdmissionResult? decided;
        _ledger.LockAll();
        try
        {
            decided = DecideHeld(target, requestId, timeLeft, out waiter, out first);
        }
        finally
        {
            _ledger.UnlockAll();
        }

        RaiseBusy(first);
        return decided is { } result
            ? new ValueTask<AdmissionResult>(result)
            : new ValueTask<AdmissionResult>(WaitAsync(waiter!, timeLeft, cancellationToken));
    }

    /// <summary>Decides at once, or puts a waiter in line. All stripes must be locked.</summary>
    private AdmissionResult? DecideHeld(string target, string requestId, TimeSpan timeLeft, out Waiter? waiter, out bool first)
    {
        waiter = null;
        first = false;
        if (_ledger.IsClosed)
        {
            // A name that is counted already: what is refused makes no room for new ones.
            return Refuse(_closedFor, _ledger.Functions.Find(target));
        }

        if (_ledger.Functions.Admissible(target) is not { } function)
        {
            return Refuse(RefusalReason.UnknownFunction, null);
        }

        if (function.Closed)
        {
            return Refuse(RefusalReason.Draining, function);
        }

        if (HasPassed(timeLeft))
        {
            return Refuse(RefusalReason.DeadlineUnreachable, function, RetryAfter(TimeSpan.Zero), TimeSpan.Zero);
        }

        // Who waits is served by whoever frees a slot, but that one may not have come to it yet.
        Serve(out first);
        var line = _lines.Find(l => ReferenceEquals(l.Function, function));

        // A slot that is left is one for which nobody waits who could use it.
        if (line is null && _ledger.TryAcceptHeld(function, target, requestId, out var ticket, out var firstToo))
        {
            first |= firstToo;
            return new AdmissionResult(ticket, TimeSpan.Zero);
        }

        var wait = ExpectedWait(line, function) ?? TimeSpan.Zero;
        if (_waiting >= _maxQueued)
        {
            return Refuse(RefusalReason.QueueFull, function, RetryAfter(wait), wait);
        }

        if (timeLeft != Timeout.InfiniteTimeSpan && wait >= timeLeft)
        {
            return Refuse(RefusalReason.DeadlineUnreachable, function, RetryAfter(wait), wait);
        }

        if (line is null)
        {
            line = new WaitingLine(function);
            _lines.Add(line);
        }

        long? deadline = timeLeft == Timeout.InfiniteTimeSpan || timeLeft > _longestTimer ? null : _time.GetTimestamp() + ToTicks(timeLeft);
        waiter = new Waiter(line, target, requestId, deadline, wait) { Number = ++_lastNumber };
        line.Add(waiter);
        _waiting++;
        _ledger.SetWaitingHeld(true);
        return null;
    }

    private async Task<AdmissionResult> WaitAsync(Waiter waiter, TimeSpan timeLeft, CancellationToken cancellationToken)
    {
        using var timer = waiter.Deadline is null
            ? null
            : _time.CreateTimer(_ => GiveUp(waiter, cancelled: default), null, timeLeft, Timeout.InfiniteTimeSpan);
        using var registration = cancellationToken.UnsafeRegister(_ => GiveUp(waiter, cancellationToken), null);
        return await waiter.Settled.Task;
    }

    private void GiveUp(Waiter waiter, CancellationToken cancelled)
    {
        _ledger.LockAll();
        try
        {
            if (!waiter.InLine)
            {
                return;
            }

            if (cancelled.IsCancellationRequested)
            {
                TakeOut(waiter);
                waiter.Settled.TrySetCanceled(cancelled);
            }
            else
            {
                RefuseLate(waiter);
            }
        }
        finally
        {
            _ledger.UnlockAll();
        }
    }

    /// <summary>Called after an end while somebody waits.</summary>
    private void Freed()
    {
        bool first;
        _ledger.LockAll();
        try
        {
            Serve(out first);
        }
        finally
        {
            _ledger.UnlockAll();
        }

        RaiseBusy(first);
    }

    /// <summary>Gives the free slots to those who wait, in their order.</summary>
    /// <param name="first">Whether one of them is the first in flight.</param>
    private void Serve(out bool first)
    {
        first = false;
        while (Next() is { } waiter)
        {
            if (waiter.Deadline is { } deadline && _time.GetTimestamp() >= deadline)
            {
                RefuseLate(waiter);
                continue;
            }

            if (!_ledger.TryAcceptHeld(waiter.Line.Function, waiter.Target, waiter.RequestId, out var ticket, out var firstToo))
            {
                return;
            }

            first |= firstToo;
            TakeOut(waiter);
            waiter.Settled.TrySetResult(new AdmissionResult(ticket, waiter.ExpectedWait));
        }
    }

    /// <summary>Who came first of those whose function is not at its own limit.</summary>
    private Waiter? Next()
    {
        Waiter? next = null;
        foreach (var line in _lines)
        {
            if (!_ledger.IsFullHeld(line.Function) && (next is null || line.First!.Number < next.Number))
            {
                next = line.First;
            }
        }

        return next;
    }

    private void TakeOut(Waiter waiter)
    {
        waiter.Line.Remove(waiter);
        if (waiter.Line.Count == 0)
        {
            _lines.Remove(waiter.Line);
        }

        if (--_waiting == 0)
        {
            _ledger.SetWaitingHeld(false);
        }
    }

    private void RefuseLine(WaitingLine line, RefusalReason reason)
    {
        while (line.First is { } waiter)
        {
            TakeOut(waiter);
            waiter.Settled.TrySetResult(Refuse(reason, line.Function));
        }
    }

    private void RefuseLate(Waiter waiter)
    {
        TakeOut(waiter);
        var line = waiter.Line.Count == 0 ? null : waiter.Line;
        var wait = ExpectedWait(line, waiter.Line.Function) ?? TimeSpan.Zero;
        waiter.Settled.TrySetResult(Refuse(RefusalReason.DeadlineUnreachable, waiter.Line.Function, RetryAfter(wait), wait));
    }

    /// <summary>All stripes must be locked.</summary>
    private AdmissionResult Refuse(RefusalReason reason, FunctionEntry? function, TimeSpan? retryAfter = null, TimeSpan expectedWait = default)
    {
        if (function is not null)
        {
            _ledger.RefusedHeld(function);
        }

        Interlocked.Increment(ref _refused[(int)reason]);
        return new AdmissionResult(reason, retryAfter, expectedWait);
    }

    /// <summary>How long somebody who came now would wait.</summary>
    /// <param name="line">Those who wait for the same function; null: nobody does.</param>
    /// <param name="function">The function.</param>
    /// <returns>Null if nothing is known about any that wait.</returns>
    private TimeSpan? ExpectedWait(WaitingLine? line, FunctionEntry function)
    {
        var all = _ledger.MeanServiceTicks(null);
        double? wait = null;

        // Each that waits ahead takes a slot for as long as its own function takes. While the instance has free slots,
        // who waits for another function is not ahead.
        if (_ledger.FreeHeld() == 0)
        {
            foreach (var other in _lines)
            {
                if ((_ledger.MeanServiceTicks(other.Function) ?? all) is { } mean)
                {
                    wait = (wait ?? 0) + ((double)mean * other.Count / _limit);
                }
            }
        }

        if (_functionLimit > 0 && line is not null && (_ledger.MeanServiceTicks(function) ?? all) is { } own)
        {
            wait = Math.Max(wait ?? 0, (double)own * line.Count / _functionLimit);
        }

        return wait is { } ticks ? TimeSpan.FromSeconds(Math.Min(ticks / _time.TimestampFrequency, _longestTimer.TotalSeconds)) : null;
    }

    private TimeSpan RetryAfter(TimeSpan wait)
    {
        var seconds = Math.Max(1, Math.Ceiling(wait.TotalSeconds));
        return TimeSpan.FromSeconds(Math.Min(seconds, Math.Floor(_maxRetryAfter.TotalSeconds)));
    }

    /// <summary>What is counted of a function alone; null if nothing is. All stripes must be locked.</summary>
    private FunctionEntry? OwnEntry(string target) =>
        _ledger.Functions.Admissible(target) is { Retired: false } function && !ReferenceEquals(function, _ledger.Functions.Overflow)
            ? function
            : null;

    private long ToTicks(TimeSpan time) => (long)((Int128)time.Ticks * _time.TimestampFrequency / TimeSpan.TicksPerSecond);
}
