using NoslateFleet.Coordination.Fleet;

namespace NoslateFleet.Tests.Gateway.Fleet;

/// <summary>A fleet directory that can't be reached.</summary>
internal sealed class AwayDirectory : IFleetDirectory, IFleetOrders, IFleetProfiles, IFleetNotices
{
    public Task<PublishResult> PublishAsync(InstanceSnapshot snapshot, CancellationToken cancellationToken) => Away<PublishResult>();

    public Task AppendAsync(string instanceId, IReadOnlyList<InstanceRecord> records, CancellationToken cancellationToken) => Away<int>();

    public Task<DirectoryView> ReadAllAsync(CancellationToken cancellationToken) => Away<DirectoryView>();

    public Task<DirectoryEntry?> ReadAsync(string instanceId, CancellationToken cancellationToken) => Away<DirectoryEntry?>();

    public Task<DirectoryPage> ReadChangesAsync(DirectoryVersion since, int limit, CancellationToken cancellationToken) => Away<DirectoryPage>();

    public Task<IReadOnlyList<InstanceRecord>> ReadRecordsAsync(string instanceId, CancellationToken cancellationToken) =>
        Away<IReadOnlyList<InstanceRecord>>();

    public Task<FleetOrderState> PlaceAsync(FleetOrder order, CancellationToken cancellationToken) => Away<FleetOrderState>();

    public Task<IReadOnlyList<FleetOrderState>> ListAsync(string instanceId, CancellationToken cancellationToken) => Away<IReadOnlyList<FleetOrderState>>();

    public Task<bool> CompleteAsync(FleetOrderResult result, CancellationToken cancellationToken) => Away<bool>();

    public Task<FleetProfile?> ReadAsync(CancellationToken cancellationToken) => Away<FleetProfile?>();

    public Task<IReadOnlyList<FleetProfile>> ListAsync(CancellationToken cancellationToken) => Away<IReadOnlyList<FleetProfile>>();

    public Task<FleetProfile?> SetAsync(string? json, string by, long? expectedVersion, long? rolledBackTo, CancellationToken cancellationToken) =>
        Away<FleetProfile?>();

    public IDisposable Listen(string? instanceId, Action<FleetNotice> handler) => new MemoryStream();

    private static Task<T> Away<T>() => Task.FromException<T>(new FleetDirectoryException("10.1.2.3:6379 is away"));
}
