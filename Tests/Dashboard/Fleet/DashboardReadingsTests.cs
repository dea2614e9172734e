using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Dashboard;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Dashboard.Fleet;

/// <summary>What pages read of the directory beside the fleet's view.</summary>
public sealed class DashboardReadingsTests
{
    [Fact]
    public async Task PagesThatStandOpen_ShareOneReadingOfTheProfilesASecond()
    {
        var clock = new ManualTimeProvider();
        var fleet = new InMemoryFleetDirectory(clock);
        var profiles = new CountedProfiles(fleet);
        var readings = new DashboardReadings(fleet, fleet, profiles, clock);
        for (var page = 0; page < 20; page++)
        {
            Assert.Empty((await readings.RecentProfilesAsync(default))!);
        }

        Assert.Equal(1, profiles.Read);
        await profiles.SetAsync("{}", "another process", null, null, default);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Single((await readings.RecentProfilesAsync(default))!);

        // What is set here is seen at once, and a page that is loaded is never old.
        await profiles.SetAsync("{}", "this process", null, null, default);
        Assert.Equal(2, (await readings.ProfilesAsync(default))!.Count);
        readings.ProfilesChanged();
        Assert.Equal(2, (await readings.RecentProfilesAsync(default))!.Count);
        Assert.Equal(4, profiles.Read);
    }

    [Fact]
    public async Task ReaderThatLeaves_TakesTheReadingFromNobodyElse()
    {
        var clock = new ManualTimeProvider();
        var fleet = new InMemoryFleetDirectory(clock);
        var profiles = new CountedProfiles(fleet) { Wait = new TaskCompletionSource() };
        var readings = new DashboardReadings(fleet, fleet, profiles, clock);
        using var leaves = new CancellationTokenSource();
        var first = readings.RecentProfilesAsync(leaves.Token);
        var second = readings.RecentProfilesAsync(default);
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        profiles.Wait.SetResult();
        Assert.Empty((await second)!);
        Assert.Equal(1, profiles.Read);
    }

    private sealed class CountedProfiles(IFleetProfiles inner) : IFleetProfiles
    {
        public int Read { get; private set; }

        public TaskCompletionSource? Wait { get; init; }

        public Task<FleetProfile?> ReadAsync(CancellationToken cancellationToken) => inner.ReadAsync(cancellationToken);

        public async Task<IReadOnlyList<FleetProfile>> ListAsync(CancellationToken cancellationToken)
        {
            Read++;
            await (Wait?.Task ?? Task.CompletedTask);
            return await inner.ListAsync(cancellationToken);
        }

        public Task<FleetProfile?> SetAsync(string? json, string by, long? expectedVersion, long? rolledBackTo, CancellationToken cancellationToken) =>
            inner.SetAsync(json, by, expectedVersion, rolledBackTo, cancellationToken);
    }
}
