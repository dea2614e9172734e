using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>What an order needs besides the lifecycle.</summary>
/// <param name="FlushAsync">Sends out what is held back, and publishes.</param>
/// <param name="WriteReceipt">A receipt as JSON.</param>
/// <param name="Changed">Told after an order has ended: the snapshot may have changed with it. Must be quick and not throw.</param>
/// <param name="IsFencedOff">Whether a later process speaks for the instance: then its orders are that one's. Null: never.</param>
public sealed record OrderMeans(
    Func<CancellationToken, Task> FlushAsync, Func<Receipt, string> WriteReceipt, Action Changed, Func<bool>? IsFencedOff = null);
