using System.Diagnostics;
using System.Numerics;

namespace NoslateFleet.Bench.Load;

/// <summary>Latencies in buckets less than one hundredth wide, in ticks of the stopwatch. Not thread-safe.</summary>
internal sealed class Histogram
{
    private const int SubBits = 7;
    private const int Sub = 1 << SubBits;

    private readonly long[] _counts = new long[(64 - SubBits + 1) * Sub];

    public long Count { get; private set; }

    public void Add(long ticks)
    {
        _counts[IndexOf(ticks)]++;
        Count++;
    }

    public void Add(Histogram other)
    {
        for (var i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }

        Count += other.Count;
    }

    /// <summary>The latency that the given share of requests did not exceed, in milliseconds; 0 without requests.</summary>
    public double Percentile(double share)
    {
        var rank = (long)Math.Ceiling(share * Count);
        for (var i = 0; i < _counts.Length; i++)
        {
            rank -= _counts[i];
            if (rank <= 0 && Count > 0)
            {
                return MiddleOf(i) * 1000.0 / Stopwatch.Frequency;
            }
        }

        return 0;
    }

    private static int IndexOf(long ticks)
    {
        if (ticks < Sub)
        {
            return (int)Math.Max(ticks, 0);
        }

        var shift = BitOperations.Log2((ulong)ticks) - SubBits;
        return ((shift + 1) << SubBits) + (int)(ticks >> shift) - Sub;
    }

    private static double MiddleOf(int index)
    {
        if (index < Sub)
        {
            return index;
        }

        var shift = (index >> SubBits) - 1;
        return ((index & (Sub - 1)) + Sub + 0.5) * Math.Pow(2, shift);
    }
}
