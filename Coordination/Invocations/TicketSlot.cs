namespace NoslateFleet.Coordination.Invocations;

/// <summary>The place of one open ticket. Reused: <see cref="Life"/> tells its tickets apart. Guarded by the ledger's lock.</summary>
internal sealed class TicketSlot
{
    public long Life;
    public bool Open;
    public string Target = "";
    public string RequestId = "";
    public long AcceptedTimestamp;
    public TicketSlot? Previous;
    public TicketSlot? Next;
}
