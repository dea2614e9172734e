using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Grains.Instances;
using NoslateFleet.Grains.Placement;
using NoslateFleet.Silo.Configuration;
using Orleans;

namespace NoslateFleet.Silo.Orders;

/// <summary>
/// Orders to instances that can be called. Each is placed in the directory, where it outlives whoever gave it, and is brought to an instance of a Mesh by its
/// grain as well: at once, and also while the directory is away. The instance knows it by its id, so that it is carried out once, whichever way it comes.
/// </summary>
/// <param name="orders">The directory's orders.</param>
/// <param name="directory">Tells how an instance belongs to the fleet.</param>
/// <param name="settings">The fleet's settings.</param>
/// <param name="grains">The way into the cluster: what makes references to its grains, or why there is none.</param>
/// <param name="logger">Where it is told what could not be brought.</param>
internal sealed partial class MeshFleetOrders(
    IFleetOrders orders, IFleetDirectory directory, SiloSettings settings, Func<CancellationToken, Task<IGrainFactory>> grains, ILogger<MeshFleetOrders> logger)
    : IFleetOrders
{
    // What stands in the directory is taken anyhow, and somebody waits for the answer.
    private static readonly TimeSpan _shortPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public async Task<FleetOrderState> PlaceAsync(FleetOrder order, CancellationToken cancellationToken)
    {
        FleetOrderState? placed = null;
        FleetDirectoryException? away = null;
        try
        {
            placed = await orders.PlaceAsync(order, cancellationToken);
        }
        catch (FleetDirectoryException error)
        {
            away = error;
        }

        if (placed?.Result is not null)
        {
            return placed;
        }

        if (await IsMeshAsync(order.InstanceId, cancellationToken))
        {
            // As the directory keeps it: by its clock, and under an id that was there already the order of then.
            var kept = placed?.Order ?? order;
            if (await BringAsync(kept, away is null ? _shortPatience : _patience, cancellationToken))
            {
                return placed ?? new FleetOrderState(kept, null);
            }
        }

        return placed ?? throw away!;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<FleetOrderState>> ListAsync(string instanceId, CancellationToken cancellationToken) =>
        orders.ListAsync(instanceId, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> CompleteAsync(FleetOrderResult result, CancellationToken cancellationToken) => orders.CompleteAsync(result, cancellationToken);

    /// <inheritdoc/>
    public async Task<bool> BringAsync(FleetOrder order, CancellationToken cancellationToken) =>
        settings.Topology == FleetTopology.Mesh && await BringAsync(order, _patience, cancellationToken);

    private async Task<bool> IsMeshAsync(string instanceId, CancellationToken cancellationToken)
    {
        try
        {
            return (await directory.ReadAsync(instanceId, cancellationToken))?.Snapshot.Topology is { } topology
                ? topology == FleetTopology.Mesh
                : settings.Topology == FleetTopology.Mesh;
        }
        catch (FleetDirectoryException)
        {
            return settings.Topology == FleetTopology.Mesh;
        }
    }

    private async Task<bool> BringAsync(FleetOrder order, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        time.CancelAfter(patience);
        try
        {
            var grain = (await grains(time.Token)).GetGrain<IInstanceGrain>(GrainKeys.OfInstance(order.InstanceId));
            await grain.OrderAsync(FleetJson.Write(order), time.Token).WaitAsync(time.Token);
            return true;
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            NotBrought(logger, order.Kind, order.InstanceId, error is OperationCanceledException ? "no answer in time" : error.Message);
            return false;
        }
    }

    [LoggerMessage(2120, LogLevel.Information, "Order: {Kind} of {Instance} could not be brought through the cluster and is left to the directory: {Reason}")]
    private static partial void NotBrought(ILogger logger, FleetOrderKind kind, string instance, string reason);
}
