using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Common.Fleet;

namespace NoslateFleet.Tests.Coordination.Fleet;

/// <summary>The directory in memory, by the rules for all.</summary>
public sealed class InMemoryFleetDirectoryTests : FleetDirectoryConformance
{
    private readonly ManualTimeProvider _clock = new();
    private InMemoryFleetDirectory _directory = null!;

    [Fact]
    public async Task ReaderOfChanges_FromBeforeWhatIsRememberedOfRemovals_BeginsAnew()
    {
        await _directory.PublishAsync(Snapshots.Of(instance: "first"), default);
        var since = (await _directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Version;
        for (var i = 0; i < 1000; i++)
        {
            await _directory.PublishAsync(Snapshots.Of(instance: "i" + i), default);
        }

        _clock.Advance(Retention);
        await _directory.PublishAsync(Snapshots.Of(instance: "last"), default);
        var page = await _directory.ReadChangesAsync(since, 10, default);
        Assert.True(page.Reset);
        Assert.Equal("last", Assert.Single(page.Changed).Snapshot.InstanceId);
        Assert.Empty(page.Removed);
    }

    protected override Task<FleetParts> OpenAsync()
    {
        _directory = new InMemoryFleetDirectory(
            _clock, new FleetOptions { Retention = Retention, KeptRecords = KeptRecords, KeptOrders = KeptOrders });
        return Task.FromResult(new FleetParts(_directory, _directory, _directory, _directory));
    }

    protected override Task ElapseAsync(TimeSpan time)
    {
        _clock.Advance(time);
        return Task.CompletedTask;
    }
}
