namespace NoslateFleet.Tests.Common;

/// <summary>
/// A clock that stands still until a test moves it. Timers fire, in order of their time, inside <see cref="Advance"/>.
/// </summary>
public sealed class ManualTimeProvider : TimeProvider
{
    /// <summary>Neither ticks nor milliseconds nor a power of two: who confuses units is found out.</summary>
    public const long Frequency = 3_333_337;

    /// <summary>A wait for a timer that takes this long has failed.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private readonly List<ManualTimer> armed = [];
    private readonly List<(Func<bool> Reached, TaskCompletionSource Source)> waiters = [];
    private TimeSpan elapsed = TimeSpan.FromDays(3);
    private DateTimeOffset wallStart = new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero) - TimeSpan.FromDays(3);

    public override long TimestampFrequency => Frequency;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <summary>How many timers wait to fire.</summary>
    public int ArmedTimers
    {
        get
        {
            lock (gate)
                return armed.Count;
        }
    }

    /// <summary>The time until the next timer fires; null if none is armed.</summary>
    public TimeSpan? UntilNextTimer
    {
        get
        {
            lock (gate)
                return armed.Count == 0 ? null : armed.Min(timer => timer.Due) - elapsed;
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (gate)
            return wallStart + elapsed;
    }

    public override long GetTimestamp()
    {
        lock (gate)
            return (long)((Int128)elapsed.Ticks * Frequency / TimeSpan.TicksPerSecond);
    }

    /// <summary>Moves the wall clock only, as a correction by NTP or an operator does.</summary>
    public void JumpWallClock(TimeSpan by)
    {
        lock (gate)
            wallStart += by;
    }

    /// <summary>Moves time on, stopping at each timer that falls due, also at those that are armed on the way.</summary>
    public void Advance(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        TimeSpan end;
        lock (gate)
            end = elapsed + by;

        while (true)
        {
            ManualTimer? next;
            lock (gate)
            {
                next = armed.Where(timer => timer.Due <= end).MinBy(timer => timer.Due);
                if (next is null)
                {
                    if (end > elapsed)
                        elapsed = end;
                    return;
                }

                if (next.Due > elapsed)
                    elapsed = next.Due;
                armed.Remove(next);
                if (next.Period > TimeSpan.Zero)
                {
                    next.Due += next.Period;
                    armed.Add(next);
                }
            }

            next.Fire();
        }
    }

    /// <summary>Completes once at least <paramref name="count"/> timers are armed: the code under test waits for the clock now.</summary>
    public Task WhenArmedAsync(int count = 1) => WhenAsync(() => armed.Count >= count, $"{count} timers");

    /// <summary>
    /// Completes once a timer is armed that fires exactly <paramref name="ahead"/> from now. For code that arms other timers too: what it waits
    /// for is told by its own time.
    /// </summary>
    public Task WhenArmedAsync(TimeSpan ahead) => WhenAsync(() => armed.Exists(timer => timer.Due == elapsed + ahead), $"a timer of {ahead}");

    private async Task WhenAsync(Func<bool> reached, string what)
    {
        TaskCompletionSource source;
        lock (gate)
        {
            if (reached())
                return;

            source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waiters.Add((reached, source));
        }

        try
        {
            await source.Task.WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"{what} is not armed after {Limit}; armed are: {string.Join(", ", DueTimes())}");
        }
    }

    private List<TimeSpan> DueTimes()
    {
        lock (gate)
            return [.. armed.Select(timer => timer.Due - elapsed).Order()];
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private void Arm(ManualTimer timer, TimeSpan dueTime, TimeSpan period)
    {
        lock (gate)
        {
            armed.Remove(timer);
            timer.Period = period == Timeout.InfiniteTimeSpan ? TimeSpan.Zero : period;
            if (dueTime == Timeout.InfiniteTimeSpan)
                return;

            timer.Due = elapsed + dueTime;
            armed.Add(timer);
            for (var i = waiters.Count - 1; i >= 0; i--)
            {
                if (waiters[i].Reached())
                {
                    waiters[i].Source.TrySetResult();
                    waiters.RemoveAt(i);
                }
            }
        }
    }

    private void Disarm(ManualTimer timer)
    {
        lock (gate)
            armed.Remove(timer);
    }

    private sealed class ManualTimer(ManualTimeProvider clock, TimerCallback callback, object? state) : ITimer
    {
        private bool disposed;

        internal TimeSpan Due { get; set; }

        internal TimeSpan Period { get; set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (disposed)
                return false;
            clock.Arm(this, dueTime, period);
            return true;
        }

        public void Dispose()
        {
            disposed = true;
            clock.Disarm(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        internal void Fire() => callback(state);
    }
}
