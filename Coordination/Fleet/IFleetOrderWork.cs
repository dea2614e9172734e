namespace NoslateFleet.Coordination.Fleet;

/// <summary>What the order runner has done by the instance.</summary>
public interface IFleetOrderWork
{
    /// <summary>Drains and stops serving. Ends early if the drain is undone.</summary>
    /// <param name="by">Who ordered it, for the recorder.</param>
    /// <param name="cancellationToken">Ends the wait, not the drain.</param>
    Task<FleetOrderEnd> DrainAsync(string by, CancellationToken cancellationToken);

    /// <summary>Undoes a drain: the instance serves again.</summary>
    /// <param name="by">Who ordered it, for the recorder.</param>
    /// <returns>False if there was nothing to undo.</returns>
    bool Undrain(string by);

    /// <summary>Sends out what is held back, and publishes a snapshot.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task FlushAsync(CancellationToken cancellationToken);
}

/// <summary>How the instance ended an order.</summary>
/// <param name="Outcome">The outcome.</param>
/// <param name="Detail">The rest, in words.</param>
/// <param name="ReceiptJson">The receipt of the hook that it ran, as JSON; null if it ran none.</param>
public sealed record FleetOrderEnd(FleetOrderOutcome Outcome, string Detail, string? ReceiptJson = null);
