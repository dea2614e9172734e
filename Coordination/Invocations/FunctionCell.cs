namespace NoslateFleet.Coordination.Invocations;

/// <summary>What one stripe counts of one function. Guarded by the stripe's lock.</summary>
internal sealed class FunctionCell : CacheLinePad
{
    public Tally Tally;
    public ServiceTimeWindow Times;
    public int Open;
    public long ColdStarts;
    public long ColdStartsAvoided;

    /// <summary>Keeps the next stripe's cell off these cache lines.</summary>
    public Padding After;

    /// <summary>Moves everything but the open tickets, of which there are none, to another cell of the same stripe.</summary>
    /// <param name="other">The other.</param>
    public void MoveTo(FunctionCell other)
    {
        other.Tally.Add(Tally);
        other.Times.Merge(Times);
        other.ColdStarts += ColdStarts;
        other.ColdStartsAvoided += ColdStartsAvoided;
        Tally = default;
        Times = default;
        ColdStarts = 0;
        ColdStartsAvoided = 0;
    }
}
