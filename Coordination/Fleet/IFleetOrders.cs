namespace NoslateFleet.Coordination.Fleet;

/// <summary>Orders to instances that can't be called: they take them when they are told of them, or when they come back.</summary>
public interface IFleetOrders
{
    /// <summary>The key of a service that is the directory alone, where orders have other ways as well. Who takes orders asks that one.</summary>
    const string OfDirectory = "directory";

    /// <summary>Places an order, and tells the instance. Placing one with an id that is there already changes nothing.</summary>
    /// <param name="order">The order; the directory's clock replaces <see cref="FleetOrder.PlacedAt"/> and shifts the expiry with it.</param>
    /// <param name="cancellationToken">Gives up; whether it was placed is then unknown, and may be tried again.</param>
    /// <returns>The order as the directory keeps it.</returns>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    Task<FleetOrderState> PlaceAsync(FleetOrder order, CancellationToken cancellationToken);

    /// <summary>An instance's orders, open ones and the last ended ones, oldest first. Those kept are bounded.</summary>
    /// <param name="instanceId">The instance.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    Task<IReadOnlyList<FleetOrderState>> ListAsync(string instanceId, CancellationToken cancellationToken);

    /// <summary>Tells what became of an order. The first result counts.</summary>
    /// <param name="result">The result.</param>
    /// <param name="cancellationToken">Gives up; may be tried again.</param>
    /// <returns>False if the order is not there any more or has a result already.</returns>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    Task<bool> CompleteAsync(FleetOrderResult result, CancellationToken cancellationToken);

    /// <summary>Brings an order to an instance past the directory, which is away and can't tell which life of the container it is for.</summary>
    /// <param name="order">The order; it stands in the directory once that is back.</param>
    /// <param name="cancellationToken">Gives up; whether it was brought is then unknown, and may be tried again.</param>
    /// <returns>False if there is no other way to the instance, or it is closed too.</returns>
    Task<bool> BringAsync(FleetOrder order, CancellationToken cancellationToken) => Task.FromResult(false);
}
