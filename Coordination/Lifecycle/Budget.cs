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
        Timer = time.CreateTimer(static state => ((Budget)state!).End(), this, total, Timeout.InfiniteTimeSpan);
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

    private ITimer Timer { get; }

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
        Timer.Dispose();
        _over.Dispose();
    }

    private void End()
    {
        try
        {
            _over.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // Its owner was done in the same moment.
        }
    }
}
