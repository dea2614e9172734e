namespace NoslateFleet.Coordination.Invocations;

/// <summary>
/// Service times of the present window of time and of the one before: what a moving mean needs, in a few additions. Windows are some
/// seconds long. Guarded by the stripe's lock.
/// </summary>
internal struct ServiceTimeWindow
{
    public long Number;
    public long Sum;
    public long Count;
    public long SumBefore;
    public long CountBefore;

    /// <summary>Takes in one service time.</summary>
    /// <param name="number">The number of the window in which it ended.</param>
    /// <param name="ticks">The time, in the clock's ticks.</param>
    public void Add(long number, long ticks)
    {
        if (number > Number)
        {
            (SumBefore, CountBefore) = number == Number + 1 ? (Sum, Count) : (0, 0);
            Number = number;
            Sum = 0;
            Count = 0;
        }

        Sum += ticks;
        Count++;
    }

    /// <summary>Takes in what another stripe has seen. What is more than a window older than the newest counts no more.</summary>
    /// <param name="other">The other's.</param>
    public void Merge(in ServiceTimeWindow other)
    {
        if (other.CountBefore + other.Count == 0)
        {
            return;
        }

        if (other.Number > Number)
        {
            (SumBefore, CountBefore) = other.Number == Number + 1 ? (Sum, Count) : (0, 0);
            (Number, Sum, Count) = (other.Number, 0, 0);
        }

        if (other.Number == Number)
        {
            Sum += other.Sum;
            Count += other.Count;
            SumBefore += other.SumBefore;
            CountBefore += other.CountBefore;
        }
        else if (other.Number == Number - 1)
        {
            SumBefore += other.Sum;
            CountBefore += other.Count;
        }
    }

    /// <summary>The mean in the clock's ticks; null if nothing was seen.</summary>
    public readonly long? Mean => CountBefore + Count == 0 ? null : (SumBefore + Sum) / (CountBefore + Count);
}
