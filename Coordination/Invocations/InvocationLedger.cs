namespace NoslateFleet.Coordination.Invocations;

/// <summary>
/// Counts the invocations of one instance. In flight is the set of open tickets itself, never a difference of counters, so
/// that a lost or doubled end shows as <see cref="LedgerSnapshot.Drift"/>. Safe under concurrent callers.
/// </summary>
/// <param name="time">The clock for ages.</param>
public sealed class InvocationLedger(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Stack<TicketSlot> _free = new();
    private TicketSlot? _first;
    private long _accepted;
    private long _completed;
    private long _failed;
    private long _cancelled;
    private long _abandoned;

    /// <summary>Accepts an invocation.</summary>
    /// <param name="target">The function's or service's name.</param>
    /// <param name="requestId">The request's id.</param>
    /// <returns>Its ticket, to be closed exactly once.</returns>
    public Ticket Accept(string target, string requestId)
    {
        var now = time.GetTimestamp();
        lock (_lock)
        {
            if (!_free.TryPop(out var slot))
            {
                slot = new TicketSlot();
            }

            slot.Life++;
            slot.Open = true;
            slot.Target = target;
            slot.RequestId = requestId;
            slot.AcceptedTimestamp = now;
            slot.Previous = null;
            slot.Next = _first;
            if (_first is not null)
            {
                _first.Previous = slot;
            }

            _first = slot;
            _accepted++;
            return new Ticket(this, slot, slot.Life);
        }
    }

    /// <summary>The counters and the open tickets, all of the same instant.</summary>
    public LedgerSnapshot Snapshot()
    {
        lock (_lock)
        {
            var inFlight = 0;
            for (var slot = _first; slot is not null; slot = slot.Next)
            {
                inFlight++;
            }

            return new LedgerSnapshot(_accepted, _completed, _failed, _cancelled, _abandoned, inFlight);
        }
    }

    /// <summary>The invocations in flight, oldest first.</summary>
    public IReadOnlyList<OpenInvocation> ListOpen()
    {
        var open = new List<OpenInvocation>();
        lock (_lock)
        {
            var now = time.GetTimestamp();
            for (var slot = _first; slot is not null; slot = slot.Next)
            {
                open.Add(new OpenInvocation(slot.Target, slot.RequestId, time.GetElapsedTime(slot.AcceptedTimestamp, now)));
            }
        }

        open.Reverse();
        return open;
    }

    internal bool TryEnd(TicketSlot slot, long life, Outcome outcome)
    {
        lock (_lock)
        {
            if (slot.Life != life || !slot.Open)
            {
                return false;
            }

            switch (outcome)
            {
                case Outcome.Completed:
                    _completed++;
                    break;
                case Outcome.Failed:
                    _failed++;
                    break;
                case Outcome.Cancelled:
                    _cancelled++;
                    break;
                case Outcome.Abandoned:
                    _abandoned++;
                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "is not an outcome");
            }

            slot.Open = false;
            if (slot.Previous is null)
            {
                _first = slot.Next;
            }
            else
            {
                slot.Previous.Next = slot.Next;
            }

            if (slot.Next is not null)
            {
                slot.Next.Previous = slot.Previous;
            }

            slot.Previous = null;
            slot.Next = null;
            slot.Target = "";
            slot.RequestId = "";
            _free.Push(slot);
            return true;
        }
    }
}
