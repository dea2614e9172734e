namespace NoslateFleet.Noslate.Node;

/// <summary>Pauses between tries: they double, with jitter, and stay within their bounds.</summary>
internal sealed class Backoff(TimeSpan min, TimeSpan max, Random random)
{
    private int _failures;

    /// <summary>The pause before the next try: base x 0.75 to 1.25, so that several processes that lost one node don't return in step.</summary>
    public TimeSpan Next()
    {
        double factor = Math.Pow(2, Math.Min(_failures++, 40)) * (0.75 + (random.NextDouble() / 2));
        double ticks = Math.Clamp(min.Ticks * factor, min.Ticks, max.Ticks);
        return TimeSpan.FromTicks((long)ticks);
    }

    public void Reset() => _failures = 0;
}
