using NoslateFleet.Coordination.Fleet;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>
/// Reads of the directory what the fleet's view does not hold: one instance's records and orders, and profiles. Bounded in time, and null where it can't be
/// had: a page is shown all the same.
/// </summary>
internal sealed class DashboardReadings(IFleetDirectory directory, IFleetOrders orders, IFleetProfiles profiles, TimeProvider time)
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _recent = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private Task<IReadOnlyList<FleetProfile>?>? _shared;
    private long _sharedAt;

    /// <summary>What an instance left, the newest first.</summary>
    /// <param name="instanceId">The instance.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<TimelineItem>?> TimelineAsync(string instanceId, CancellationToken cancellationToken)
    {
        var records = await ReadAsync(token => directory.ReadRecordsAsync(instanceId, token), cancellationToken);

        // In the order in which they were left: clocks jump.
        return records is null ? null : [.. records.TakeLast(TimelineItem.MaxShown).Reverse().Select(TimelineItem.Of)];
    }

    /// <summary>An instance's orders, the newest first.</summary>
    /// <param name="instanceId">The instance.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<FleetOrderState>?> OrdersAsync(string instanceId, CancellationToken cancellationToken)
    {
        var states = await ReadAsync(token => orders.ListAsync(instanceId, token), cancellationToken);
        return states is null ? null : [.. states.Reverse()];
    }

    /// <summary>The versions of the fleet's profiles, the newest first.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<FleetProfile>?> ProfilesAsync(CancellationToken cancellationToken) => ReadAsync(profiles.ListAsync, cancellationToken);

    /// <summary>
    /// The same, up to a second old, for all who follow: ten versions are up to 40 MiB, and pages that stand open look several times a second.
    /// </summary>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<FleetProfile>?> RecentProfilesAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_shared is null || time.GetElapsedTime(_sharedAt) >= _recent)
            {
                _sharedAt = time.GetTimestamp();
                _shared = ReadAsync(profiles.ListAsync, CancellationToken.None);
            }

            return _shared.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Profiles were set here: what was read before is old.</summary>
    public void ProfilesChanged()
    {
        lock (_lock)
        {
            _shared = null;
        }
    }

    private async Task<T?> ReadAsync<T>(Func<CancellationToken, Task<T>> read, CancellationToken cancellationToken)
        where T : class
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var timer = time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), limit, _limit, Timeout.InfiniteTimeSpan);
        try
        {
            return await read(limit.Token).WaitAsync(limit.Token);
        }
        catch (Exception error) when (error is FleetDirectoryException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // The view tells of the outage.
            return null;
        }
    }
}
