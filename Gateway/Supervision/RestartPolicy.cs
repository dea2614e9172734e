namespace NoslateFleet.Gateway.Supervision;

/// <summary>Decides after each death of a child whether it is started again, and after which pause. No clock but the given one, no process.</summary>
internal sealed class RestartPolicy(SupervisionOptions options, TimeProvider time)
{
    private readonly Queue<long> _deaths = new();

    /// <summary>Deaths that count now.</summary>
    public int Deaths => _deaths.Count;

    /// <summary>A child has died.</summary>
    /// <returns>The pause before it is started again; null: it has died too often, give up.</returns>
    public TimeSpan? Died()
    {
        var now = time.GetTimestamp();
        while (_deaths.TryPeek(out var oldest) && time.GetElapsedTime(oldest, now) > options.DeathWindow)
        {
            _deaths.Dequeue();
        }

        _deaths.Enqueue(now);
        if (_deaths.Count >= options.MaxDeaths)
        {
            return null;
        }

        // 30 doublings of a millisecond are twelve days: beyond any longest pause, and far from an overflow.
        var pause = options.RestartMin * Math.Pow(2, Math.Min(_deaths.Count - 1, 30));
        return pause < options.RestartMax ? pause : options.RestartMax;
    }
}
