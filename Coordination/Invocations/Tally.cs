namespace NoslateFleet.Coordination.Invocations;

/// <summary>Counters of invocations. Guarded by the stripe's lock.</summary>
internal struct Tally
{
    public long Accepted;
    public long Completed;
    public long Failed;
    public long Cancelled;
    public long Abandoned;

    public void Count(Outcome outcome)
    {
        switch (outcome)
        {
            case Outcome.Completed:
                Completed++;
                break;
            case Outcome.Failed:
                Failed++;
                break;
            case Outcome.Cancelled:
                Cancelled++;
                break;
            case Outcome.Abandoned:
                Abandoned++;
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "is not an outcome");
        }
    }

    public void Add(in Tally other)
    {
        Accepted += other.Accepted;
        Completed += other.Completed;
        Failed += other.Failed;
        Cancelled += other.Cancelled;
        Abandoned += other.Abandoned;
    }
}
