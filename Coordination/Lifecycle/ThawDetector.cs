namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>
/// Finds out, without a hook, that the processor stood still. Whoever runs (a tick, a request) tells the time; a hole between two of
/// them is a freeze. Both clocks are looked at, because it is nowhere promised which of them goes on during a freeze: a stopped process or
/// cgroup keeps its monotonic clock running, a machine restored from memory may not. A false alarm costs one look at the data plane.
/// </summary>
public sealed class ThawDetector
{
    private readonly TimeProvider _time;
    private readonly TimeSpan _threshold;
    private readonly TimeSpan _grain;
    private readonly Lock _lock = new();
    private long _lastTimestamp;
    private long _lastWallTicks;
    private volatile bool _looked;

    /// <summary>Makes a detector that has not looked yet: the time until its first look is its process's start, however long that took.</summary>
    /// <param name="threshold">A hole longer than this is a freeze. Longer than the tick's interval.</param>
    /// <param name="time">The clock.</param>
    public ThawDetector(TimeSpan threshold, TimeProvider time)
    {
        _threshold = threshold;
        _grain = threshold / 64;
        _time = time;
        _lastTimestamp = time.GetTimestamp();
        _lastWallTicks = time.GetUtcNow().UtcTicks;
    }

    /// <summary>
    /// Tells that the process runs now. What is told within a 64th of the threshold after the last is taken for the same moment, so that
    /// the crowd only reads: nobody can put back an old time that it had read before a freeze.
    /// </summary>
    /// <param name="gap">How long it did not run, by the clock that shows more. Zero if it did, and if the wall clock
    /// was only set back.</param>
    /// <param name="found">Called with the gap by the one caller that finds a hole, before others can see that it is closed.
    /// Must be quick.</param>
    /// <returns>True for the one caller that finds a hole.</returns>
    public bool Observe(out TimeSpan gap, Action<TimeSpan>? found = null)
    {
        gap = TimeSpan.Zero;
        if (_looked && !IsLonger(_grain, _time.GetTimestamp(), _time.GetUtcNow().UtcTicks, out _))
        {
            return false;
        }

        lock (_lock)
        {
            // Again, with the time of now: another may have found the same hole meanwhile.
            var timestamp = _time.GetTimestamp();
            var wall = _time.GetUtcNow().UtcTicks;
            var hole = IsLonger(_threshold, timestamp, wall, out var still) && _looked;
            if (hole)
            {
                gap = still > _threshold ? still : TimeSpan.Zero;
                found?.Invoke(gap);
            }

            Volatile.Write(ref _lastTimestamp, timestamp);
            Volatile.Write(ref _lastWallTicks, wall);
            _looked = true;
            return hole;
        }
    }

    // A wall clock that is set back shows a hole as well: what rests on it (leases, rate windows) is no longer right. But
    // nothing stood still.
    private bool IsLonger(TimeSpan limit, long timestamp, long wall, out TimeSpan still)
    {
        var monotonic = _time.GetElapsedTime(Volatile.Read(ref _lastTimestamp), timestamp);
        var byWall = new TimeSpan(wall - Volatile.Read(ref _lastWallTicks));
        still = monotonic > byWall ? monotonic : byWall;
        return still > limit || byWall < -limit;
    }
}
