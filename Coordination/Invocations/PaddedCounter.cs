using System.Runtime.InteropServices;

namespace NoslateFleet.Coordination.Invocations;

/// <summary>A number that threads change at the same time, alone on its cache lines: what lay beside it would slow down with it.</summary>
internal sealed class PaddedCounter
{
    private Padded _value;

    public long Value
    {
        get => Volatile.Read(ref _value.Value);
        set => Volatile.Write(ref _value.Value, value);
    }

    /// <summary>Adds, and tells the new value.</summary>
    /// <param name="amount">How much; negative to take away.</param>
    public long Add(long amount) => Interlocked.Add(ref _value.Value, amount);

    /// <summary>Takes away as much as there is, up to a limit.</summary>
    /// <param name="most">The limit.</param>
    /// <returns>How much was taken.</returns>
    public int TakeUpTo(int most)
    {
        var seen = Value;
        while (seen > 0)
        {
            var take = Math.Min(most, seen);
            var found = Interlocked.CompareExchange(ref _value.Value, seen - take, seen);
            if (found == seen)
            {
                return (int)take;
            }

            seen = found;
        }

        return 0;
    }

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Padded
    {
        [FieldOffset(128)]
        public long Value;
    }
}
