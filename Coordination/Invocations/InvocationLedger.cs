using System.Numerics;
using System.Runtime.InteropServices;

namespace NoslateFleet.Coordination.Invocations;

/// <summary>
/// Counts the invocations of one instance. In flight is the set of open tickets itself, never a difference of counters, so
/// that a lost or doubled end shows as <see cref="LedgerSnapshot.Drift"/>. Safe under concurrent callers.
/// </summary>
/// <remarks>
/// Kept in stripes, each with a lock of its own. Whatever speaks of the whole (a snapshot, a new epoch) takes the locks of
/// all stripes, in their order, and so tells of one instant. No lock is held while others' code runs.
/// </remarks>
public sealed class InvocationLedger
{
    private const int MaxStripes = 16;
    private const int WindowSeconds = 8;

    private readonly TimeProvider _time;
    private readonly LedgerStripe[] _stripes;
    private readonly int _windowShift;
    private readonly Lock _functionsLock = new();
    private long _epoch;
    private TaskCompletionSource? _idle;
    private IActivityObserver? _observer;

    /// <summary>An empty ledger.</summary>
    /// <param name="time">The clock for ages and service times.</param>
    public InvocationLedger(TimeProvider time)
        : this(time, Math.Min(MaxStripes, (int)BitOperations.RoundUpToPowerOf2((uint)Environment.ProcessorCount)))
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

    /// <summary>The open tickets, by a single read. Other than in <see cref="Snapshot"/>, nothing is counted for it.</summary>
    public int InFlight => Gate.Count;

    /// <summary>
    /// The instance's present epoch, which new tickets bear. It can only grow. Once set, no ticket of the one before is handed out any more.
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
        set => Volatile.Write(ref _observer, value);
    }

    internal InFlightGate Gate { get; } = new();

    internal FunctionTable Functions { get; }

    /// <summary>Called after an end, outside all locks, when somebody waits at the gate.</summary>
    internal Action? Freed { get; set; }

    /// <summary>Accepts an invocation without asking admission: whatever its limits and whether or not it is closed.</summary>
    /// <param name="target">The function's or service's name.</param>
    /// <param name="requestId">The request's id.</param>
    /// <returns>Its ticket, to be closed exactly once.</returns>
    public Ticket Accept(string target, string requestId)
    {
        var function = Functions.Get(target);
        var now = _time.GetTimestamp();
        var stripe = CurrentStripe();
        Ticket ticket;
        bool first;
        lock (stripe.Lock)
        {
            first = Gate.Enter();
            ticket = stripe.Open(function.Retired ? Functions.Overflow : function, holdsPermit: false, target, requestId, now, _epoch);
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

    /// <summary>Each function's counters, by name and all of the same instant. Functions that were told and never called are in it.</summary>
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

                if (tally.Accepted > 0 || function.Listed)
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
                        avoided));
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
        if (Gate.Count == 0)
        {
            return Task.CompletedTask;
        }

        var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var idle = Interlocked.CompareExchange(ref _idle, mine, null) ?? mine;

        // The last end may have looked for a waiter just before there was one.
        CompleteIdle();
        return idle.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Ends every open ticket as <see cref="Outcome.Abandoned"/>. An end that races with it is won by exactly one of the two.</summary>
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

            if (count == 0)
            {
                return 0;
            }

            Gate.Leave(count, out last, out waiting);
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
            Gate.Leave(1, out last, out waiting);
        }

        if (last || waiting)
        {
            AfterEnd(last, waiting);
        }

        return true;
    }

    /// <summary>Accepts an invocation if the limits allow it.</summary>
    /// <param name="function">Its function.</param>
    /// <param name="target">The function's name, as asked for.</param>
    /// <param name="requestId">The request's id.</param>
    /// <param name="limit">The most open tickets.</param>
    /// <param name="functionLimit">The most open tickets of this function; 0: none.</param>
    /// <param name="pastWaiting">True for who may pass those who wait.</param>
    /// <param name="ticket">The ticket.</param>
    /// <param name="first">Whether <see cref="RaiseBusy"/> is to be called, once no lock is held.</param>
    internal Entry TryAccept(
        FunctionEntry function,
        string target,
        string requestId,
        int limit,
        int functionLimit,
        bool pastWaiting,
        out Ticket ticket,
        out bool first)
    {
        var now = _time.GetTimestamp();
        var stripe = CurrentStripe();
        lock (stripe.Lock)
        {
            if (function.Retired)
            {
                function = Functions.Overflow;
            }

            if (functionLimit > 0 && !function.TryTakePermit(functionLimit))
            {
                ticket = default;
                first = false;
                return Entry.FunctionFull;
            }

            if (!Gate.TryEnter(limit, pastWaiting, out first))
            {
                if (functionLimit > 0)
                {
                    function.ReturnPermit();
                }

                ticket = default;
                return Entry.NotFree;
            }

            ticket = stripe.Open(function, functionLimit > 0, target, requestId, now, _epoch);
            return Entry.Accepted;
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
    /// <param name="names">The names; null: any.</param>
    internal void SetFunctions(IReadOnlySet<string>? names)
    {
        lock (_functionsLock)
        {
            var surplus = Functions.List(names);
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
                if (function.Cells.Any(static c => c.Open > 0))
                {
                    continue;
                }

                for (var i = 0; i < function.Cells.Length; i++)
                {
                    function.Cells[i].MoveTo(Functions.Overflow.Cells[i]);
                }

                function.Retired = true;
                Functions.Remove(function);
            }
        }
        finally
        {
            UnlockAll();
        }
    }

    private LedgerStripe CurrentStripe() => _stripes[Thread.GetCurrentProcessorId() & (_stripes.Length - 1)];

    private void AfterEnd(bool last, bool waiting)
    {
        if (last)
        {
            Observer?.Idle();
            CompleteIdle();
        }

        if (waiting)
        {
            Freed?.Invoke();
        }
    }

    private void CompleteIdle()
    {
        // Looked at again once the waiter was seen: the zero that brought us here may lie before the waiter's call.
        if (Volatile.Read(ref _idle) is { } idle && Gate.Count == 0 && Interlocked.CompareExchange(ref _idle, null, idle) == idle)
        {
            idle.TrySetResult();
        }
    }

    private void LockAll()
    {
        foreach (var stripe in _stripes)
        {
            stripe.Lock.Enter();
        }
    }

    private void UnlockAll()
    {
        for (var i = _stripes.Length - 1; i >= 0; i--)
        {
            _stripes[i].Lock.Exit();
        }
    }

    /// <summary>What became of an attempt to accept.</summary>
    internal enum Entry
    {
        /// <summary>Accepted.</summary>
        Accepted,

        /// <summary>The function is at its own limit.</summary>
        FunctionFull,

        /// <summary>The instance is at its limit, closed, or somebody waits.</summary>
        NotFree,
    }
}
