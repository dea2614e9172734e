namespace NoslateFleet.Noslate.Profiles;

/// <summary>Waits after a change until things are quiet, yet not longer than a limit when they never are.</summary>
internal sealed class QuietDelay : IAsyncDisposable
{
    private readonly TimeSpan quiet;
    private readonly TimeSpan longest;
    private readonly TimeProvider time;
    private readonly Action due;
    private readonly ITimer timer;
    private readonly Lock gate = new();
    private long first;
    private bool waiting;
    private bool disposed;

    /// <summary>Makes a delay that runs no timer yet.</summary>
    /// <param name="quiet">Time without a further change.</param>
    /// <param name="longest">Longest time from the first change.</param>
    /// <param name="time">The clock.</param>
    /// <param name="due">Called when it is over.</param>
    internal QuietDelay(TimeSpan quiet, TimeSpan longest, TimeProvider time, Action due)
    {
        this.quiet = quiet;
        this.longest = longest;
        this.time = time;
        this.due = due;
        timer = time.CreateTimer(_ => Over(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Something changed.</summary>
    internal void Touch()
    {
        lock (gate)
        {
            if (disposed)
                return;

            var now = time.GetTimestamp();
            if (!waiting)
                (waiting, first) = (true, now);

            var left = longest - time.GetElapsedTime(first, now);
            var delay = left < quiet ? left : quiet;
            timer.Change(delay > TimeSpan.Zero ? delay : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>It shall be over after a given time, unless a change makes it sooner.</summary>
    internal void After(TimeSpan pause)
    {
        lock (gate)
        {
            if (!disposed && !waiting)
                timer.Change(pause, Timeout.InfiniteTimeSpan);
        }
    }

    public ValueTask DisposeAsync()
    {
        lock (gate)
            disposed = true;
        return timer.DisposeAsync();
    }

    private void Over()
    {
        lock (gate)
            waiting = false;
        due();
    }
}
