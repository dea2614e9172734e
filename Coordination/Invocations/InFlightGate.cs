using System.Runtime.InteropServices;

namespace NoslateFleet.Coordination.Invocations;

/// <summary>
/// The one word on which admissions and ends meet: how many tickets are open, whether admission is closed, and whether somebody waits. All
/// three in one word, because each decision about one of them depends on the others. Changed only by interlocked operations; the count only
/// by who holds the ticket's stripe, so that under all stripes' locks it is the number of open tickets.
/// </summary>
internal sealed class InFlightGate
{
    private const long CountMask = 0xFFFF_FFFF;
    private const long ClosedFlag = 1L << 40;
    private const long WaitingFlag = 1L << 41;
    private Padded _word;

    public int Count => (int)(Volatile.Read(ref _word.Value) & CountMask);

    public bool Closed => (Volatile.Read(ref _word.Value) & ClosedFlag) != 0;

    public bool Waiting => (Volatile.Read(ref _word.Value) & WaitingFlag) != 0;

    /// <summary>Counts one more, whatever the limit.</summary>
    /// <returns>Whether it is the first.</returns>
    public bool Enter() => (Interlocked.Increment(ref _word.Value) & CountMask) == 1;

    /// <summary>Counts one more if admission is open, fewer than the limit are counted, and nobody waits.</summary>
    /// <param name="limit">The most that may be counted.</param>
    /// <param name="pastWaiting">True for who may pass those who wait.</param>
    /// <param name="first">Whether it is the first.</param>
    public bool TryEnter(int limit, bool pastWaiting, out bool first)
    {
        // An addition of nothing instead of a read: it fetches the cache line for writing at once. A read would fetch it
        // for reading and the exchange fetch it again, which two busy cores feel.
        var seen = Interlocked.Add(ref _word.Value, 0);
        while (true)
        {
            if ((seen & ClosedFlag) != 0 || (!pastWaiting && (seen & WaitingFlag) != 0) || (seen & CountMask) >= limit)
            {
                first = false;
                return false;
            }

            var found = Interlocked.CompareExchange(ref _word.Value, seen + 1, seen);
            if (found == seen)
            {
                first = (seen & CountMask) == 0;
                return true;
            }

            seen = found;
        }
    }

    /// <summary>Counts some less.</summary>
    /// <param name="count">How many have ended.</param>
    /// <param name="last">Whether none is left.</param>
    /// <param name="waiting">Whether somebody waits for what has become free.</param>
    public void Leave(int count, out bool last, out bool waiting)
    {
        var now = Interlocked.Add(ref _word.Value, -count);
        last = (now & CountMask) == 0;
        waiting = (now & WaitingFlag) != 0;
    }

    public void SetClosed(bool closed) => Set(ClosedFlag, closed);

    public void SetWaiting(bool waiting) => Set(WaitingFlag, waiting);

    private void Set(long flag, bool value)
    {
        if (value)
        {
            Interlocked.Or(ref _word.Value, flag);
        }
        else
        {
            Interlocked.And(ref _word.Value, ~flag);
        }
    }

    /// <summary>Alone on its cache lines: what lies beside it would slow down with it.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Padded
    {
        [FieldOffset(128)]
        public long Value;
    }
}
