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

    [Fact]
    public async Task ReadingFromTheStart_EndsWhereMoreWasRemovedThanIsRemembered()
    {
        for (var i = 0; i < 1100; i++)
        {
            await _directory.PublishAsync(Snapshots.Of(instance: "i" + i), default);
        }

        _clock.Advance(Retention / 2);
        foreach (var id in new[] { "a", "b", "c" })
        {
            await _directory.PublishAsync(Snapshots.Of(instance: id), default);
        }

        _clock.Advance(Retention / 2);
        var since = DirectoryVersion.None;
        var seen = new List<string>();
        for (var more = true; more;)
        {
            var page = await _directory.ReadChangesAsync(since, 1, default);
            Assert.False(page.Reset);
            Assert.Empty(page.Removed);
            seen.AddRange(page.Changed.Select(e => e.Snapshot.InstanceId));
            Assert.InRange(seen.Count, 1, 3);
            (since, more) = (page.Version, page.More);
        }

        Assert.Equal(["a", "b", "c"], seen);
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
