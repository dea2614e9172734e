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
    private readonly Lock _lock = new();
    private long _lastTimestamp;
    private long _lastWallTicks;

    /// <summary>Makes a detector that has seen the present moment.</summary>
    /// <param name="threshold">A hole longer than this is a freeze. Longer than the tick's interval.</param>
    /// <param name="time">The clock.</param>
    public ThawDetector(TimeSpan threshold, TimeProvider time)
    {
        _threshold = threshold;
        _time = time;
        _lastTimestamp = time.GetTimestamp();
        _lastWallTicks = time.GetUtcNow().UtcTicks;
    }

    /// <summary>Tells that the process runs now.</summary>
    /// <param name="gap">How long it did not run, by the clock that shows more; zero if it did.</param>
    /// <returns>True for the one caller that finds a hole.</returns>
    public bool Observe(out TimeSpan gap)
    {
        var timestamp = _time.GetTimestamp();
        var wall = _time.GetUtcNow().UtcTicks;
        if (Gap(timestamp, wall) <= _threshold)
        {
            Volatile.Write(ref _lastTimestamp, timestamp);
            Volatile.Write(ref _lastWallTicks, wall);
            gap = TimeSpan.Zero;
            return false;
        }

        lock (_lock)
        {
            // Again, with the time of now: another may have found the same hole meanwhile.
            timestamp = _time.GetTimestamp();
            wall = _time.GetUtcNow().UtcTicks;
            gap = Gap(timestamp, wall);
            Volatile.Write(ref _lastTimestamp, timestamp);
            Volatile.Write(ref _lastWallTicks, wall);
            return gap > _threshold;
        }
    }

    // A wall clock that is set back shows a hole as well: what rests on it (leases, rate windows) is no longer right.
    private TimeSpan Gap(long timestamp, long wall)
    {
        var monotonic = _time.GetElapsedTime(Volatile.Read(ref _lastTimestamp), timestamp);
        var byWall = new TimeSpan(Math.Abs(wall - Volatile.Read(ref _lastWallTicks)));
        return monotonic > byWall ? monotonic : byWall;
    }
}
