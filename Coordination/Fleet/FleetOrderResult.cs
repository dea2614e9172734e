namespace NoslateFleet.Coordination.Fleet;

/// <summary>What became of an order.</summary>
/// <param name="OrderId">The order.</param>
/// <param name="InstanceId">The instance.</param>
/// <param name="Boot">The process that carried it out.</param>
/// <param name="Epoch">Its epoch then.</param>
/// <param name="At">When, by the instance's clock.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Detail">The rest, in words.</param>
/// <param name="ReceiptJson">The receipt of the hook that it ran, as JSON; null if it ran none.</param>
public sealed record FleetOrderResult(
    string OrderId,
    string InstanceId,
    string Boot,
    long Epoch,
    DateTimeOffset At,
    FleetOrderOutcome Outcome,
    string Detail,
    string? ReceiptJson);
