namespace NoslateFleet.Coordination.Invocations;

/// <summary>
/// A part of the ledger with a lock of its own: threads on different processors meet only at the gate. A ticket lives and ends in
/// the stripe in which it was opened. All members are guarded by <see cref="Lock"/>.
/// </summary>
internal sealed class LedgerStripe : CacheLinePad
{
    private const int SlotsAtFirst = 16;

    public readonly Lock Lock = new();
    public readonly InvocationLedger Ledger;
    public readonly int Index;
    public Tally Tally;
    public ServiceTimeWindow Times;
    public TicketSlot? First;

    /// <summary>Keeps what lies behind in memory off these cache lines.</summary>
    public Padding After;
    private TicketSlot? _free;

    public LedgerStripe(InvocationLedger ledger, int index)
    {
        Ledger = ledger;
        Index = index;
        for (var i = 0; i < SlotsAtFirst; i++)
        {
            _free = new TicketSlot(this) { Next = _free };
        }
    }

    public Ticket Open(FunctionEntry function, bool holdsPermit, string target, string requestId, long now, long epoch)
    {
        var slot = _free;
        if (slot is null)
        {
            slot = new TicketSlot(this);
        }
        else
        {
            _free = slot.Next;
        }

        slot.Life++;
        slot.Function = function;
        slot.HoldsPermit = holdsPermit;
        slot.Target = target;
        slot.RequestId = requestId;
        slot.AcceptedTimestamp = now;
        slot.Epoch = epoch;
        slot.Previous = null;
        slot.Next = First;
        if (First is not null)
        {
            First.Previous = slot;
        }

        First = slot;
        Tally.Accepted++;
        var cell = function.Cells[Index];
        cell.Tally.Accepted++;
        cell.Open++;
        switch (function.Temperature)
        {
            case Functions.FunctionTemperature.Warm:
                cell.ColdStartsAvoided++;
                break;
            case Functions.FunctionTemperature.Cold or Functions.FunctionTemperature.Warming:
                cell.ColdStarts++;
                break;
        }

        return new Ticket(slot, slot.Life, epoch);
    }

    /// <summary>Closes an open ticket's slot.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="outcome">How it ended.</param>
    /// <param name="served">How long it took, in the clock's ticks; null if that says nothing about the function.</param>
    /// <param name="window">The number of the present window of time.</param>
    public void Close(TicketSlot slot, Outcome outcome, long? served, long window)
    {
        var function = slot.Function!;
        var cell = function.Cells[Index];
        Tally.Count(outcome);
        cell.Tally.Count(outcome);
        cell.Open--;
        if (served is { } ticks)
        {
            Times.Add(window, ticks);
            cell.Times.Add(window, ticks);
        }

        if (slot.HoldsPermit)
        {
            function.ReturnPermit();
        }

        slot.Life++;
        if (slot.Previous is null)
        {
            First = slot.Next;
        }
        else
        {
            slot.Previous.Next = slot.Next;
        }

        if (slot.Next is not null)
        {
            slot.Next.Previous = slot.Previous;
        }

        slot.Function = null;
        slot.Target = "";
        slot.RequestId = "";
        slot.Previous = null;
        slot.Next = _free;
        _free = slot;
    }
}
