namespace NoslateFleet.Tests.Gateway.Harness;

/// <summary>The system's clock, which a test can put forward: what falls due by that runs inside <see cref="Jump"/>.</summary>
internal sealed class JumpingTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly HashSet<Timer> _timers = [];
    private TimeSpan _ahead;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Ahead();

    public override long GetTimestamp() => Now().Ticks;

    public void Jump(TimeSpan by)
    {
        List<Timer> due;
        lock (_gate)
        {
            _ahead += by;
            var now = Now();
            due = [.. _timers.Where(timer => timer.Due <= now).OrderBy(timer => timer.Due)];
            foreach (var timer in _timers.Except(due))
            {
                timer.Rearm(now);
            }
        }

        foreach (var timer in due)
        {
            timer.Fire();
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private TimeSpan Ahead()
    {
        lock (_gate)
        {
            return _ahead;
        }
    }

    private TimeSpan Now() => System.GetElapsedTime(0) + Ahead();

    private sealed class Timer : ITimer
    {
        private readonly JumpingTime _owner;
        private readonly TimerCallback _callback;
        private readonly object? _state;
        private readonly ITimer _real;
        private TimeSpan _period;

        public Timer(JumpingTime owner, TimerCallback callback, object? state)
        {
            _owner = owner;
            _callback = callback;
            _state = state;
            _real = System.CreateTimer(_ => Fire(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        public TimeSpan Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (_owner._gate)
            {
                _owner._timers.Remove(this);
                _period = period;
                if (dueTime == Timeout.InfiniteTimeSpan)
                {
                    return _real.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                }

                Due = _owner.Now() + dueTime;
                _owner._timers.Add(this);
                return _real.Change(dueTime, Timeout.InfiniteTimeSpan);
            }
        }

        public void Rearm(TimeSpan now) => _real.Change(Due > now ? Due - now : TimeSpan.Zero, Timeout.InfiniteTimeSpan);

        public void Fire()
        {
            lock (_owner._gate)
            {
                if (!_owner._timers.Remove(this))
                {
                    return;
                }

                if (_period != Timeout.InfiniteTimeSpan)
                {
                    Change(_period, _period);
                }
            }

            _callback(_state);
        }

        public void Dispose()
        {
            lock (_owner._gate)
            {
                _owner._timers.Remove(this);
            }

            _real.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
