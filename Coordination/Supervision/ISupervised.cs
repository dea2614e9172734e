namespace NoslateFleet.Coordination.Supervision;

/// <summary>
/// A part of the process that can be started, stopped and started again. Called by its <see cref="Supervisor"/>, never two calls at a time, save that
/// a stop may follow a verification that was cancelled and has not ended yet.
/// </summary>
public interface ISupervised
{
    /// <summary>Starts it. When this throws, nothing of it is left.</summary>
    /// <param name="life">The life's number, from 1: what a loss is told with.</param>
    /// <param name="cancellationToken">The start is wanted no more.</param>
    Task StartAsync(long life, CancellationToken cancellationToken);

    /// <summary>Finds out whether it can be relied on: after a start, and after the processor stood still. An exception counts as broken.</summary>
    /// <param name="cancellationToken">The answer is wanted no more.</param>
    Task<Verification> VerifyAsync(CancellationToken cancellationToken);

    /// <summary>Stops it. When this returns, or throws, nothing of it is left, however long that takes.</summary>
    /// <param name="graceful">Whether it says goodbye to others. False: it is of no use any more.</param>
    /// <param name="cancellationToken">Patience is over: the rest by force.</param>
    Task StopAsync(bool graceful, CancellationToken cancellationToken);
}
