namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>What an instance's time is spent on.</summary>
public enum TimeUse
{
    /// <summary>Before it was initialised.</summary>
    Starting,

    /// <summary>At least one invocation in flight.</summary>
    Active,

    /// <summary>Initialised, nothing in flight.</summary>
    WarmIdle,

    /// <summary>The processor stood still.</summary>
    Frozen,

    /// <summary>Leaving, or gone as far as requests can tell.</summary>
    Draining,
}

/// <summary>Where an instance's time went.</summary>
/// <param name="StartingSeconds">Before it was initialised.</param>
/// <param name="ActiveSeconds">With an invocation in flight.</param>
/// <param name="WarmIdleSeconds">With none.</param>
/// <param name="FrozenSeconds">Processor stopped.</param>
/// <param name="DrainingSeconds">Leaving.</param>
/// <param name="Thaws">How often it was thawed.</param>
/// <param name="ThawToFirstAnswer">Counts of thaws by the time to the first answer's end; see <see cref="FreezeAccounting.BucketSeconds"/>.
/// One more than there are bounds: the last counts what took longer.</param>
/// <param name="ThawToFirstAnswerSumSeconds">The sum of these times.</param>
public sealed record FreezeAccount(
    double StartingSeconds,
    double ActiveSeconds,
    double WarmIdleSeconds,
    double FrozenSeconds,
    double DrainingSeconds,
    long Thaws,
    IReadOnlyList<long> ThawToFirstAnswer,
    double ThawToFirstAnswerSumSeconds);

/// <summary>Keeps account of an instance's time. Safe under concurrent callers.</summary>
public sealed class FreezeAccounting
{
    private static readonly double[] _bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly Func<TimeUse> _current;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly TimeSpan[] _spent = new TimeSpan[Enum.GetValues<TimeUse>().Length];
    private readonly long[] _buckets = new long[_bounds.Length + 1];
    private TimeUse _use = TimeUse.Starting;
    private long _since;
    private long _thaws;
    private double _sum;
    private long _thawedAt;
    private volatile bool _awaitsAnswer;

    /// <summary>Begins to count, as <see cref="TimeUse.Starting"/>.</summary>
    /// <param name="current">Tells what the time is spent on now. Called under this object's lock: it must take none.</param>
    /// <param name="time">The clock.</param>
    public FreezeAccounting(Func<TimeUse> current, TimeProvider time)
    {
        _current = current;
        _time = time;
        _since = time.GetTimestamp();
    }

    /// <summary>The first answer after a thaw has ended; told with the time since the thaw, outside all locks. Must be quick and not throw.</summary>
    public event Action<TimeSpan>? FirstAnswer;

    /// <summary>Upper bounds of the histogram's buckets, in seconds.</summary>
    public static IReadOnlyList<double> BucketSeconds => _bounds;

    /// <summary>
    /// What the time is spent on may have changed. Whoever comes last asks last, so that crossing calls end in the truth.
    /// </summary>
    public void Update()
    {
        lock (_lock)
        {
            Settle(_time.GetTimestamp());
            _use = _current();
        }
    }

    /// <summary>
    /// The processor stood still until now. What the monotonic clock counted of it is taken from what the time was booked on.
    /// </summary>
    /// <param name="gap">How long, at most.</param>
    public void Thawed(TimeSpan gap)
    {
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            var elapsed = _time.GetElapsedTime(_since, now);
            var frozen = gap < elapsed ? gap : elapsed;
            _spent[(int)_use] += elapsed - frozen;
            _spent[(int)TimeUse.Frozen] += gap;
            _since = now;
            _thaws++;
            _thawedAt = now;
            _awaitsAnswer = true;
        }
    }

    /// <summary>
    /// An invocation has ended; the first after a thaw is what the caller of a frozen instance waited for. Nearly free otherwise.
    /// </summary>
    public void Answered()
    {
        if (!_awaitsAnswer)
        {
            return;
        }

        TimeSpan time;
        lock (_lock)
        {
            if (!_awaitsAnswer)
            {
                return;
            }

            _awaitsAnswer = false;
            time = _time.GetElapsedTime(_thawedAt);
            var bucket = Array.FindIndex(_bounds, bound => time.TotalSeconds <= bound);
            _buckets[bucket < 0 ? _bounds.Length : bucket]++;
            _sum += time.TotalSeconds;
        }

        FirstAnswer?.Invoke(time);
    }

    /// <summary>The account up to now.</summary>
    public FreezeAccount Read()
    {
        lock (_lock)
        {
            Settle(_time.GetTimestamp());
            return new FreezeAccount(
                Seconds(TimeUse.Starting),
                Seconds(TimeUse.Active),
                Seconds(TimeUse.WarmIdle),
                Seconds(TimeUse.Frozen),
                Seconds(TimeUse.Draining),
                _thaws,
                [.. _buckets],
                _sum);
        }
    }

    private double Seconds(TimeUse use) => _spent[(int)use].TotalSeconds;

    private void Settle(long now)
    {
        _spent[(int)_use] += _time.GetElapsedTime(_since, now);
        _since = now;
    }
}
