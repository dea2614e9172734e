using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>The instance's invocations as its lifecycle sees them.</summary>
public interface IInvocations
{
    /// <summary>How many tickets are open. Cheap.</summary>
    int InFlight { get; }

    /// <summary>The counters and open tickets, of one instant.</summary>
    LedgerSnapshot Snapshot();

    /// <summary>Completes once no ticket is open.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task WhenIdleAsync(CancellationToken cancellationToken);

    /// <summary>Admits.</summary>
    void Open();

    /// <summary>Refuses from now on; whoever waits is refused too. When it returns, no admission succeeds any more.</summary>
    /// <param name="stopped">True: the instance has stopped; false: it drains.</param>
    void Close(bool stopped);

    /// <summary>Ends every open ticket as abandoned and its call with it.</summary>
    /// <returns>How many these were.</returns>
    int AbandonAll();

    /// <summary>Tickets from now on belong to this epoch.</summary>
    /// <param name="epoch">The epoch.</param>
    void SetEpoch(long epoch);
}
