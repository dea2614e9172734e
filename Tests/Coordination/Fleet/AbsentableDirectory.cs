using NoslateFleet.Coordination.Fleet;

namespace NoslateFleet.Tests.Coordination.Fleet;

/// <summary>Orders and profiles of a directory in memory that can be away for a while, and counts how often it was asked.</summary>
internal sealed class AbsentableDirectory(InMemoryFleetDirectory inner) : IFleetOrders, IFleetProfiles
{
    private int _asked;

    /// <summary>The directory behind it.</summary>
    public InMemoryFleetDirectory Inner { get; set; } = inner;

    /// <summary>Whether it can't be reached.</summary>
    public volatile bool Away;

    /// <summary>Whether results don't arrive, while all else does.</summary>
    public volatile bool LosesResults;

    /// <summary>What is thrown while it is away.</summary>
    public Exception Error { get; set; } = new FleetDirectoryException("away, for a test");

    /// <summary>The clock that the directory behind it goes by, where it tells.</summary>
    public TimeProvider? Clock { get; set; }

    public int Asked => Volatile.Read(ref _asked);

    public Task<FleetOrderState> PlaceAsync(FleetOrder order, CancellationToken cancellationToken) => Inner.PlaceAsync(order, cancellationToken);

    public async Task<IReadOnlyList<FleetOrderState>> ListAsync(string instanceId, CancellationToken cancellationToken)
    {
        Ask(Away);
        var states = await Inner.ListAsync(instanceId, cancellationToken);
        return Clock is { } clock ? [.. states.Select(state => state with { AsOf = clock.GetUtcNow() })] : states;
    }

    public Task<bool> CompleteAsync(FleetOrderResult result, CancellationToken cancellationToken)
    {
        Ask(Away || LosesResults);
        return Inner.CompleteAsync(result, cancellationToken);
    }

    public Task<FleetProfile?> ReadAsync(CancellationToken cancellationToken)
    {
        Ask(Away);
        return ((IFleetProfiles)Inner).ReadAsync(cancellationToken);
    }

    public Task<IReadOnlyList<FleetProfile>> ListAsync(CancellationToken cancellationToken) => ((IFleetProfiles)Inner).ListAsync(cancellationToken);

    public Task<FleetProfile?> SetAsync(string? json, string by, long? expectedVersion, long? rolledBackTo, CancellationToken cancellationToken) =>
        ((IFleetProfiles)Inner).SetAsync(json, by, expectedVersion, rolledBackTo, cancellationToken);

    private void Ask(bool away)
    {
        Interlocked.Increment(ref _asked);
        if (away)
        {
            throw Error;
        }
    }
}
