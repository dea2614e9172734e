using NoslateFleet.Noslate.Protocol.Common;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>A function's rate limit: full at first, refilled every interval, by so many tokens or to the brim. Guarded by the node's gate.</summary>
internal sealed class TokenBucket
{
    private readonly RateLimit limit;
    private readonly TimeProvider clock;
    private double tokens;
    private long lastFill;

    public TokenBucket(RateLimit limit, TimeProvider clock)
    {
        this.limit = limit;
        this.clock = clock;
        tokens = Capacity;
        lastFill = clock.GetTimestamp();
    }

    private double Capacity => limit.MaxTokenCount > 0 ? limit.MaxTokenCount : double.PositiveInfinity;

    public bool TryTake()
    {
        Refill();
        if (tokens <= 0)
            return false;
        tokens--;
        return true;
    }

    private void Refill()
    {
        if (limit.FillInterval <= 0)
            return;
        TimeSpan interval = TimeSpan.FromMilliseconds(limit.FillInterval);
        long fills = clock.GetElapsedTime(lastFill).Ticks / interval.Ticks;
        if (fills <= 0)
            return;
        lastFill += (long)(fills * interval.TotalSeconds * clock.TimestampFrequency);
        tokens = limit.TokensPerFill > 0 ? Math.Min(tokens + ((double)fills * limit.TokensPerFill), Capacity) : Capacity;
    }
}
