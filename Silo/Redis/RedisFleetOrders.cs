using NoslateFleet.Coordination.Fleet;
using StackExchange.Redis;

namespace NoslateFleet.Silo.Redis;

/// <summary>Orders in Redis. Placing, ending and dropping them are scripts; the notice goes out with the order.</summary>
/// <param name="connection">The connection.</param>
/// <param name="options">What is kept, and how long.</param>
internal sealed class RedisFleetOrders(RedisConnection connection, FleetOptions options) : IFleetOrders
{
    /// <summary>The longest that an order lasts; one without an end is as good.</summary>
    private static readonly TimeSpan _longest = TimeSpan.FromDays(3650);

    /// <inheritdoc/>
    public async Task<FleetOrderState> PlaceAsync(FleetOrder order, CancellationToken cancellationToken)
    {
        var lasts = order.ExpiresAt - order.PlacedAt;
        lasts = lasts < TimeSpan.Zero ? TimeSpan.Zero : lasts > _longest ? _longest : lasts;
        var answer = await connection.RunAsync(
            RedisScript.PlaceOrder,
            connection.Keys.Orders(order.InstanceId),
            [
                order.Id,
                FleetJson.Write(order),
                RedisFleetDirectory.Milliseconds(lasts),
                RedisFleetDirectory.Milliseconds(options.Retention),
                options.KeptOrders,
                connection.Keys.OrdersChannel(order.InstanceId).ToString(),
            ],
            cancellationToken);
        return State(order.InstanceId, answer) ?? throw new FleetDirectoryException($"the order {order.Id} is there but can't be read");
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<FleetOrderState>> ListAsync(string instanceId, CancellationToken cancellationToken)
    {
        var answer = await connection.RunAsync(RedisScript.ReadOrders, connection.Keys.Orders(instanceId), [], cancellationToken);
        return [.. ((RedisResult[])answer!).Select(told => State(instanceId, told)).OfType<FleetOrderState>()];
    }

    /// <inheritdoc/>
    public async Task<bool> CompleteAsync(FleetOrderResult result, CancellationToken cancellationToken) =>
        (int)await connection.RunAsync(
            RedisScript.CompleteOrder,
            connection.Keys.Orders(result.InstanceId),
            [result.OrderId, FleetJson.Write(result)],
            cancellationToken) == 1;

    /// <summary>The times are the server's; those in the order itself are whoever's placed it.</summary>
    private FleetOrderState? State(string instance, RedisResult told)
    {
        var parts = (RedisResult[])told!;
        FleetOrder? order = null;
        if (parts.Length > 2)
        {
            FleetJson.Read(RedisFleetDirectory.Bytes((RedisValue)parts[2]), out order);
        }

        if (order is null || !string.Equals(order.InstanceId, instance, StringComparison.Ordinal))
        {
            connection.Damage.Tell(connection.Keys.Orders(instance)[0]!, "a hash of that instance's orders and results, of a schema that this version can read");
            return null;
        }

        FleetOrderResult? result = null;
        if (parts.Length > 3 && !parts[3].IsNull)
        {
            FleetJson.Read(RedisFleetDirectory.Bytes((RedisValue)parts[3]), out result);

            // One that can't be read is a result all the same: the order is not to be carried out again.
            result ??= new FleetOrderResult(
                order.Id, order.InstanceId, "", 0, RedisFleetDirectory.Time(parts[0]), FleetOrderOutcome.Failed, "its result can't be read", null);
        }

        return new FleetOrderState(
            order with { PlacedAt = RedisFleetDirectory.Time(parts[0]), ExpiresAt = RedisFleetDirectory.Time(parts[1]) }, result)
        {
            AsOf = RedisFleetDirectory.Time(parts[4]),
        };
    }
}
