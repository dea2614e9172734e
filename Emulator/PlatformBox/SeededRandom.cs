using System.Numerics;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>
/// SplitMix64: its sequence is what these lines say, for ever and everywhere. That of <see cref="Random"/> with a seed is not promised
/// from one version of the runtime to the next, and whole numbers only keep the last bit of a floating point unit out of a schedule.
/// </summary>
internal sealed class SeededRandom(ulong seed)
{
    private ulong state = seed;

    public ulong Next()
    {
        state += 0x9E3779B97F4A7C15;
        ulong z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Between(int low, int high) => low + (int)(((UInt128)Next() * (ulong)(high - low + 1)) >> 64);

    public bool Chance(int percent) => Between(1, 100) <= percent;

    /// <summary>A number from <paramref name="low"/> to <paramref name="high"/>; each doubling is as likely as any other.</summary>
    public int Spread(int low, int high)
    {
        int doublings = BitOperations.Log2((uint)(high / low));
        int from = low << Between(0, doublings);
        return Between(from, Math.Min(from * 2, high));
    }

    public void Shuffle<T>(T[] items)
    {
        for (int last = items.Length - 1; last > 0; last--)
        {
            int other = Between(0, last);
            (items[last], items[other]) = (items[other], items[last]);
        }
    }
}

/// <summary>Deals all of its cards in a random order, then all again: a short schedule still has some of each.</summary>
internal sealed class Deck<T>(SeededRandom random, params T[] cards)
{
    private int next = cards.Length;

    public T Draw()
    {
        if (next == cards.Length)
        {
            random.Shuffle(cards);
            next = 0;
        }

        return cards[next++];
    }
}
