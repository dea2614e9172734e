namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>One deadline from which every step of a hook draws. It counts from its creation, by the monotonic clock.</summary>
public sealed class Budget : IDisposable
{
    private readonly TimeProvider _time;
    private readonly long _began;
    private readonly CancellationTokenSource _over;

    /// <summary>Starts a budget.</summary>
    /// <param name="total">How long it lasts.</param>
    /// <param name="time">The clock.</param>
    /// <param name="forced">Ends the budget early: a second signal.</param>
    public Budget(TimeSpan total, TimeProvider time, CancellationToken forced)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(total, TimeSpan.Zero);
        Total = total;
        _time = time;
        _began = time.GetTimestamp();
        _over = CancellationTokenSource.CreateLinkedTokenSource(forced);
        if (total == TimeSpan.Zero)
        {
            // Now, and not when a timer finds the time for it.
            _over.Cancel();
            return;
        }

        Timer = time.CreateTimer(static state => Cancel(((Budget)state!)._over), this, total, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The whole of it.</summary>
    public TimeSpan Total { get; }

    /// <summary>Time gone by.</summary>
    public TimeSpan Spent => _time.GetElapsedTime(_began);

    /// <summary>What is left; never below zero, and zero once it was ended early.</summary>
    public TimeSpan Left => IsOver || Spent >= Total ? TimeSpan.Zero : Total - Spent;

    /// <summary>Whether nothing is left.</summary>
    public bool IsOver => _over.IsCancellationRequested;

    /// <summary>Cancelled when nothing is left.</summary>
    public CancellationToken Token => _over.Token;

    private ITimer? Timer { get; }

    /// <summary>A part of it: as long as asked for, but never longer than what is left after a reserve for later steps.</summary>
    /// <param name="atMost">How long the step may take at most; infinite for all that is left.</param>
    /// <param name="reserve">What later steps must find.</param>
    public Budget Take(TimeSpan atMost, TimeSpan reserve)
    {
        var left = Left - reserve;
        if (left < TimeSpan.Zero)
        {
            left = TimeSpan.Zero;
        }

        return new Budget(atMost == Timeout.InfiniteTimeSpan || atMost > left ? left : atMost, _time, Token);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Timer?.Dispose();
        _over.Dispose();
    }

    /// <summary>Cancels, whatever those who are told of it do.</summary>
    /// <param name="source">What to cancel.</param>
    internal static void Cancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // Its owner was done in the same moment.
        }
        catch (AggregateException)
        {
            // Thrown by a step's own callback, on a timer's thread or a signal's. The step's task, or its time, tells of it.
        }
    }
}
