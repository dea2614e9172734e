namespace NoslateFleet.Coordination.Invocations;

/// <summary>
/// The place of one open ticket in its stripe. Reused: <see cref="Life"/> tells its tickets apart. Guarded by the stripe's lock.
/// </summary>
/// <param name="stripe">The stripe it belongs to for ever.</param>
internal sealed class TicketSlot(LedgerStripe stripe)
{
    public readonly LedgerStripe Stripe = stripe;

    /// <summary>Grows when a ticket opens and when it ends: a ticket whose life this is is open.</summary>
    public long Life;
    public FunctionEntry? Function;

    /// <summary>Whether it has one of the instance's slots. Only what is accepted beyond the limit has none.</summary>
    public bool HoldsSlot;

    /// <summary>Whether it counts against its function's own limit.</summary>
    public bool HoldsPermit;
    public string Target = "";
    public string RequestId = "";
    public long AcceptedTimestamp;
    public long Epoch;
    public TicketSlot? Previous;
    public TicketSlot? Next;
}
