using System.Numerics;
using System.Runtime.InteropServices;

namespace NoslateFleet.Coordination.Invocations;

/// <summary>
/// Counts the invocations of one instance. In flight is the set of open tickets itself, never a difference of counters, so
/// that a lost or doubled end shows as <see cref="LedgerSnapshot.Drift"/>. Safe under concurrent callers.
/// </summary>
/// <remarks>
/// Kept in stripes, each with a lock of its own. Whatever speaks of the whole (a snapshot, a new epoch) takes the locks of
/// all stripes, in their order, and so tells of one instant. No lock is held while others' code runs. The instance's free slots lie
/// in a pool from which each stripe keeps some at hand, so that two threads that admit and end share no memory they write to: save
/// when a stripe's first ticket is opened or its last is ended while somebody wants to know when nothing is in flight.
/// </remarks>
public sealed class InvocationLedger
{
    private const int LeastStripes = 4;
    private const int MostStripes = 16;
    private const int MostAtHand = 64;
    private const int Unlimited = int.MaxValue;
    private const int WindowSeconds = 8;

    private static int _lastTurn;

    [ThreadStatic]
    private static int _turn;

    private readonly TimeProvider _time;
    private readonly LedgerStripe[] _stripes;
    private readonly int _windowShift;
    private readonly Lock _functionsLock = new();
    private readonly PaddedCounter _pool = new() { Value = Unlimited };
    private readonly PaddedCounter _busyStripes = new();
    private int _batch = MostAtHand;
    private int _functionLimit;
    private bool _closed;
    private bool _somebodyWaits;
    private bool _tracksIdle;
    private long _epoch;
    private TaskCompletionSource? _idle;
    private IActivityObserver? _observer;

    /// <summary>An empty ledger.</summary>
    /// <param name="time">The clock for ages and service times.</param>
    public InvocationLedger(TimeProvider time)
        : this(time, Math.Clamp((int)BitOperations.RoundUpToPowerOf2((uint)Environment.ProcessorCount), LeastStripes, MostStripes))
    {
    }

    internal InvocationLedger(TimeProvider time, int stripes)
    {
        _time = time;
        _windowShift = BitOperations.Log2((ulong)time.TimestampFrequency * WindowSeconds);
        _stripes = new LedgerStripe[stripes];
        for (var i = 0; i < stripes; i++)
        {
            _stripes[i] = new LedgerStripe(this, i);
        }

        Functions = new FunctionTable(stripes);
    }

    /// <summary>How many tickets are open, without a walk through them: some tens of nanoseconds. It waits for what is being entered.</summary>
    public int InFlight
    {
        get
        {
            LockAll();
            try
            {
                return OpenHeld();
            }
            finally
            {
                UnlockAll();
            }
        }
    }

    /// <summary>
    /// The instance's present epoch, which new tickets bear. It can only grow. Once set, no ticket of the one before is handed out any
    /// more.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The new value is below the present one.</exception>
    public long Epoch
    {
        get => Volatile.Read(ref _epoch);
        set
        {
            LockAll();
            try
            {
                ArgumentOutOfRangeException.ThrowIfLessThan(value, _epoch);
                Volatile.Write(ref _epoch, value);
            }
            finally
            {
                UnlockAll();
            }
        }
    }

    /// <summary>Told when in flight leaves and reaches zero; null: nobody.</summary>
    public IActivityObserver? Observer
    {
        get => Volatile.Read(ref _observer);
        set
        {
            LockAll();
            Volatile.Write(ref _observer, value);
            TrackIdle();
            UnlockAll();
        }
    }

    internal FunctionTable Functions { get; }

    /// <summary>Called after an end, outside all locks, while somebody waits for a slot.</summary>
    internal Action? Freed { get; set; }

    /// <summary>Whether admission is closed.</summary>
    internal bool IsClosed => Volatile.Read(ref _closed);

    /// <summary>
    /// Accepts an invocation without asking admission: whatever its limits and whether or not it is closed. It takes a slot if there is
    /// one.
    /// </summary>
    /// <param name="target">The function's or service's name.</param>
    /// <param name="requestId">The request's id.</param>
    /// <returns>Its ticket, to be closed exactly once.</returns>
    public Ticket Accept(string target, string requestId)
    {
        var function = Functions.Get(target);
        Ticket ticket;
        bool first;
        LockAll();
        try
        {
            ticket = OpenHeld(function, target, requestId, holdsSlot: FreeHeld() > 0, holdsPermit: false, out first);
        }
        finally
        {
            UnlockAll();
        }

        if (first)
        {
            RaiseBusy();
        }

        return ticket;
    }

    /// <summary>The counters and the open tickets, all of the same instant.</summary>
    public LedgerSnapshot Snapshot()
    {
        LockAll();
        try
        {
            var tally = default(Tally);
            var inFlight = 0;
            var older = 0;
            foreach (var stripe in _stripes)
            {
                tally.Add(stripe.Tally);
                for (var slot = stripe.First; slot is not null; slot = slot.Next)
                {
                    inFlight++;
                    older += slot.Epoch < _epoch ? 1 : 0;
                }
            }

            return new LedgerSnapshot(tally.Accepted, tally.Completed, tally.Failed, tally.Cancelled, tally.Abandoned, inFlight, older);
        }
        finally
        {
            UnlockAll();
        }
    }

    /// <summary>The invocations in flight, oldest first.</summary>
    public IReadOnlyList<OpenInvocation> ListOpen()
    {
        var open = new List<(long Accepted, OpenInvocation Invocation)>();
        LockAll();
        try
        {
            var now = _time.GetTimestamp();
            foreach (var stripe in _stripes)
            {
                for (var slot = stripe.First; slot is not null; slot = slot.Next)
                {
                    var age = _time.GetElapsedTime(slot.AcceptedTimestamp, now);
                    open.Add((slot.AcceptedTimestamp, new OpenInvocation(slot.Target, slot.RequestId, age, slot.Epoch)));
                }
            }
        }
        finally
        {
            UnlockAll();
        }

        // Each stripe lists its youngest first, and the order among equals is kept.
        open.Reverse();
        return [.. open.OrderBy(static o => o.Accepted).Select(static o => o.Invocation)];
    }

    /// <summary>
    /// Each function's counters, by name and all of the same instant. Functions that were told and never called are in it.
    /// </summary>
    public IReadOnlyList<FunctionCounters> ListFunctions()
    {
        var list = new List<FunctionCounters>();
        LockAll();
        try
        {
            var open = new Dictionary<FunctionEntry, int>();
            foreach (var stripe in _stripes)
            {
                for (var slot = stripe.First; slot is not null; slot = slot.Next)
                {
                    CollectionsMarshal.GetValueRefOrAddDefault(open, slot.Function!, out _)++;
                }
            }

            foreach (var function in Functions.All)
            {
                var tally = default(Tally);
                var times = default(ServiceTimeWindow);
                long cold = 0;
                long avoided = 0;
                foreach (var cell in function.Cells)
                {
                    tally.Add(cell.Tally);
                    times.Merge(cell.Times);
                    cold += cell.ColdStarts;
                    avoided += cell.ColdStartsAvoided;
                }

                if (tally.Accepted > 0 || function.Refused > 0 || function.Listed)
                {
                    list.Add(new FunctionCounters(
                        function.Name,
                        tally.Accepted,
                        tally.Completed,
                        tally.Failed,
                        tally.Cancelled,
                        tally.Abandoned,
                        open.GetValueOrDefault(function),
                        times.Mean is { } mean ? _time.GetElapsedTime(0, mean) : null,
                        cold,
                        avoided)
                    {
                        Refused = function.Refused,
                    });
                }
            }
        }
        finally
        {
            UnlockAll();
        }

        list.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return list;
    }

    /// <summary>A function's open tickets.</summary>
    /// <param name="name">The function's name. Of one that found no room of its own nothing is known: 0.</param>
    public int InFlightOf(string name)
    {
        var open = 0;
        if (Functions.Find(name) is { } function)
        {
            foreach (var stripe in _stripes)
            {
                lock (stripe.Lock)
                {
                    open += function.Cells[stripe.Index].Open;
                }
            }
        }

        return open;
    }

    /// <summary>Completes at an instant, after the call, at which no ticket is open. New tickets may be opened right after it.</summary>
    /// <param name="cancellationToken">Gives up waiting; the tickets are left as they are.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled first.</exception>
    public Task WhenIdleAsync(CancellationToken cancellationToken)
    {
        Task idle;
        LockAll();
        try
        {
            if (OpenHeld() == 0)
            {
                return Task.CompletedTask;
            }

            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            TrackIdle();
            idle = _idle.Task;
        }
        finally
        {
            UnlockAll();
        }

        return idle.WaitAsync(cancellationToken);
    }

    /// <summary>
    /// Ends every open ticket as <see cref="Outcome.Abandoned"/>. An end that races with it is won by exactly one of the two.
    /// </summary>
    /// <returns>How many it ended.</returns>
    public int AbandonAll()
    {
        var count = 0;
        bool last;
        bool waiting;
        LockAll();
        try
        {
            foreach (var stripe in _stripes)
            {
                while (stripe.First is { } slot)
                {
                    stripe.Close(slot, Outcome.Abandoned, served: null, window: 0);
                    count++;
                }
            }

            last = count > 0 && _tracksIdle;
            _busyStripes.Value = 0;
            waiting = _somebodyWaits;
        }
        finally
        {
            UnlockAll();
        }

        AfterEnd(last, waiting);
        return count;
    }

    internal bool TryEnd(TicketSlot slot, long life, Outcome outcome)
    {
        if ((uint)outcome > (uint)Outcome.Abandoned)
        {
            throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "is not an outcome");
        }

        var now = _time.GetTimestamp();
        var stripe = slot.Stripe;
        bool last;
        bool waiting;
        lock (stripe.Lock)
        {
            if (slot.Life != life)
            {
                return false;
            }

            // A time that spans a thaw is mostly the freeze's, and one that was cut off by us says nothing about the function.
            var telling = slot.Epoch == _epoch && outcome != Outcome.Abandoned;
            stripe.Close(slot, outcome, telling ? Math.Max(0, now - slot.AcceptedTimestamp) : null, now >> _windowShift);
            last = stripe.OpenCount == 0 && _tracksIdle && _busyStripes.Add(-1) == 0;
            waiting = _somebodyWaits;
            if (stripe.Spare > 2 * _batch)
            {
                stripe.Spare -= _batch;
                _pool.Add(_batch);
            }
        }

        if (last || waiting)
        {
            AfterEnd(last, waiting);
        }

        return true;
    }

    /// <summary>
    /// Accepts an invocation if admission is open, nobody waits, and a slot is at hand. If not, only <see cref="LockAll"/> and
    /// <see cref="TryAcceptHeld"/> tell whether there is one elsewhere.
    /// </summary>
    /// <param name="function">Its function.</param>
    /// <param name="target">The function's name, as asked for.</param>
    /// <param name="requestId">The request's id.</param>
    /// <param name="ticket">The ticket.</param>
    /// <param name="first">Whether <see cref="RaiseBusy"/> is to be called, once no lock is held.</param>
    internal bool TryAccept(FunctionEntry function, string target, string requestId, out Ticket ticket, out bool first)
    {
        var now = _time.GetTimestamp();
        var stripe = CurrentStripe();
        lock (stripe.Lock)
        {
            if (_closed || _somebodyWaits || (stripe.Spare == 0 && (stripe.Spare = _pool.TakeUpTo(_batch)) == 0))
            {
                ticket = default;
                first = false;
                return false;
            }

            function = Present(function);
            if (function.Closed || (_functionLimit > 0 && !function.TryTakePermit(_functionLimit)))
            {
                ticket = default;
                first = false;
                return false;
            }

            stripe.Spare--;
            ticket = stripe.Open(function, holdsSlot: true, _functionLimit > 0, target, requestId, now, _epoch);
            first = stripe.OpenCount == 1 && _tracksIdle && _busyStripes.Add(1) == 1;
            return true;
        }
    }

    /// <summary>Accepts an invocation if there is a slot, and its function is not at its own limit. All stripes must be locked.</summary>
    /// <param name="function">Its function.</param>
    /// <param name="target">The function's name, as asked for.</param>
    /// <param name="requestId">The request's id.</param>
    /// <param name="ticket">The ticket.</param>
    /// <param name="first">Whether <see cref="RaiseBusy"/> is to be called, once no lock is held.</param>
    internal bool TryAcceptHeld(FunctionEntry function, string target, string requestId, out Ticket ticket, out bool first)
    {
        if (FreeHeld() == 0 || (_functionLimit > 0 && !Present(function).TryTakePermit(_functionLimit)))
        {
            ticket = default;
            first = false;
            return false;
        }

        ticket = OpenHeld(function, target, requestId, holdsSlot: true, _functionLimit > 0, out first);
        return true;
    }

    /// <summary>Whether a function is at its own limit. All stripes must be locked.</summary>
    /// <param name="function">The function.</param>
    internal bool IsFullHeld(FunctionEntry function) => _functionLimit > 0 && Present(function).Permits >= _functionLimit;

    /// <summary>The free slots of the instance, brought together in the pool. All stripes must be locked.</summary>
    internal int FreeHeld()
    {
        var spare = 0;
        foreach (var stripe in _stripes)
        {
            spare += stripe.Spare;
            stripe.Spare = 0;
        }

        return (int)_pool.Add(spare);
    }

    /// <summary>Opens or closes the way for who comes. All stripes must be locked.</summary>
    /// <param name="closed">Whether nobody is accepted any more.</param>
    internal void SetClosedHeld(bool closed) => Volatile.Write(ref _closed, closed);

    /// <summary>Tells whether somebody waits, whom nobody may pass. All stripes must be locked.</summary>
    /// <param name="waits">Whether somebody does.</param>
    internal void SetWaitingHeld(bool waits) => _somebodyWaits = waits;

    /// <summary>Sets the limits, once.</summary>
    /// <param name="limit">The most open tickets.</param>
    /// <param name="functionLimit">The most open tickets of one function; 0: none.</param>
    /// <param name="freed">Called after an end, outside all locks, while somebody waits.</param>
    /// <exception cref="InvalidOperationException">They are set already, or tickets are open.</exception>
    internal void Limit(int limit, int functionLimit, Action freed)
    {
        LockAll();
        try
        {
            if (Freed is not null || OpenHeld() > 0)
            {
                throw new InvalidOperationException("the ledger has an admission already, or invocations in flight");
            }

            FreeHeld();
            _pool.Value = limit;
            _batch = Math.Clamp(limit / (4 * _stripes.Length), 1, MostAtHand);
            _functionLimit = functionLimit;
            Freed = freed;
        }
        finally
        {
            UnlockAll();
        }
    }

    /// <summary>Locks all stripes, in their order.</summary>
    internal void LockAll()
    {
        foreach (var stripe in _stripes)
        {
            stripe.Lock.Enter();
        }
    }

    /// <summary>Undoes <see cref="LockAll"/>.</summary>
    internal void UnlockAll()
    {
        for (var i = _stripes.Length - 1; i >= 0; i--)
        {
            _stripes[i].Lock.Exit();
        }
    }

    internal void RaiseBusy() => Observer?.Busy();

    /// <summary>The moving mean of service times.</summary>
    /// <param name="function">Of which function; null: of all.</param>
    /// <returns>In the clock's ticks; null if nothing is known.</returns>
    internal long? MeanServiceTicks(FunctionEntry? function)
    {
        var times = default(ServiceTimeWindow);
        foreach (var stripe in _stripes)
        {
            lock (stripe.Lock)
            {
                times.Merge(function is null ? stripe.Times : function.Cells[stripe.Index].Times);
            }
        }

        return times.Mean;
    }

    /// <summary>Sets which names are functions, and moves the counters of forgotten ones to the overflow where they are too many.</summary>
    /// <param name="names">The names; null: none is known.</param>
    /// <param name="admitOthers">Whether others may be admitted.</param>
    internal void SetFunctions(IReadOnlySet<string>? names, bool admitOthers)
    {
        lock (_functionsLock)
        {
            var surplus = Functions.List(names, admitOthers);
            if (surplus.Count > 0)
            {
                Retire(surplus);
            }
        }
    }

    private void Retire(IReadOnlyList<FunctionEntry> surplus)
    {
        LockAll();
        try
        {
            foreach (var function in surplus)
            {
                // One that was closed must not come back open under its old name.
                if (function.Closed || function.Cells.Any(static c => c.Open > 0))
                {
                    continue;
                }

                for (var i = 0; i < function.Cells.Length; i++)
                {
                    function.Cells[i].MoveTo(Functions.Overflow.Cells[i]);
                }

                Functions.Overflow.Refused += function.Refused;
                function.Refused = 0;
                function.Retired = true;
                Functions.Remove(function);
            }
        }
        finally
        {
            UnlockAll();
        }
    }

    /// <summary>
    /// By thread and not by processor: threads take turns on a processor, and one that was stopped in the midst holds up only those that
    /// share its stripe.
    /// </summary>
    private LedgerStripe CurrentStripe()
    {
        if (_turn == 0)
        {
            _turn = Interlocked.Increment(ref _lastTurn);
        }

        return _stripes[_turn & (_stripes.Length - 1)];
    }

    private void AfterEnd(bool last, bool waiting)
    {
        if (last)
        {
            Observer?.Idle();
            if (Volatile.Read(ref _idle) is not null)
            {
                CompleteIdle();
            }
        }

        if (waiting)
        {
            Freed?.Invoke();
        }
    }

    private void CompleteIdle()
    {
        TaskCompletionSource? idle = null;
        LockAll();

        // Looked at again: since the end that brought us here, another ticket may have been opened, or somebody have begun to wait.
        if (OpenHeld() == 0)
        {
            (idle, _idle) = (_idle, null);
            TrackIdle();
        }

        UnlockAll();
        idle?.TrySetResult();
    }

    /// <summary>Counts busy stripes while somebody wants to know when there are none. All stripes must be locked.</summary>
    private void TrackIdle()
    {
        _tracksIdle = _observer is not null || _idle is not null;
        _busyStripes.Value = _stripes.Count(static s => s.OpenCount > 0);
    }

    private int OpenHeld()
    {
        var open = 0;
        foreach (var stripe in _stripes)
        {
            open += stripe.OpenCount;
        }

        return open;
    }

    private Ticket OpenHeld(FunctionEntry function, string target, string requestId, bool holdsSlot, bool holdsPermit, out bool first)
    {
        if (holdsSlot)
        {
            _pool.Add(-1);
        }

        var stripe = CurrentStripe();
        var ticket = stripe.Open(Present(function), holdsSlot, holdsPermit, target, requestId, _time.GetTimestamp(), _epoch);
        first = stripe.OpenCount == 1 && _tracksIdle && _busyStripes.Add(1) == 1;
        return ticket;
    }

    /// <summary>Counts a request that was not accepted. All stripes must be locked.</summary>
    /// <param name="function">Its function.</param>
    internal void RefusedHeld(FunctionEntry function) => Present(function).Refused++;

    /// <summary>The entry that counts for a function now.</summary>
    private FunctionEntry Present(FunctionEntry function) => function.Retired ? Functions.Overflow : function;
}
