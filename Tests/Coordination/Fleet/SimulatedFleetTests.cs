using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Fleet.Simulation;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Fleet;

/// <summary>Instances that are simulated live, and obey the rules of real ones.</summary>
public sealed class SimulatedFleetTests : IAsyncDisposable
{
    private static readonly StandingOptions _standing = new();

    private readonly ManualTimeProvider _clock = new();
    private readonly InMemoryFleetDirectory _directory;
    private SimulatedFleet? _fleet;

    public SimulatedFleetTests() => _directory = new InMemoryFleetDirectory(_clock);

    public ValueTask DisposeAsync() => _fleet?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Fact]
    public async Task EveryStanding_IsSeen_AndTheConservationLawHoldsAtEveryStep()
    {
        var fleet = Create(200);
        var seen = new HashSet<Standing>();
        var receipts = 0;
        for (var second = 0; second < 600; second++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await fleet.StepAsync(default);
            if (second % 5 != 0)
            {
                continue;
            }

            var view = await _directory.ReadAllAsync(default);
            Assert.All(view.Entries, static entry =>
            {
                Assert.Equal(0, entry.Snapshot.Drift);
                Assert.All(entry.Snapshot.Functions, static function => Assert.Equal(0, function.Counters.Drift));
                Assert.Equal(entry.Snapshot.InFlight, entry.Snapshot.Functions.Sum(static function => function.Counters.InFlight));
            });
            seen.UnionWith(view.Entries.Select(entry => view.StandingOf(entry, _standing)));
            receipts += view.Entries.Count(static entry => entry.Snapshot.LastReceiptJson is not null);
        }

        Assert.Equal([Standing.Active, Standing.Draining, Standing.Quiet, Standing.Lost, Standing.Stopped], seen.Order());
        Assert.True(receipts > 0, "no receipts");
        var records = await Task.WhenAll(Enumerable.Range(1, 200).Select(i => _directory.ReadRecordsAsync($"sim-{i:00000}", default)));
        Assert.Contains(records, static of => of.Count > 0);
    }

    [Fact]
    public async Task AllAreThere_AfterAFewSeconds_AndTheFeedOfChangesMoves()
    {
        var fleet = Create(500);
        _clock.Advance(TimeSpan.FromSeconds(5));
        await fleet.StepAsync(default);
        var all = await _directory.ReadChangesAsync(DirectoryVersion.None, 1000, default);
        Assert.Equal(500, all.Changed.Count);

        _clock.Advance(TimeSpan.FromSeconds(5));
        var published = await fleet.StepAsync(default);

        var changed = await _directory.ReadChangesAsync(all.Version, 1000, default);
        Assert.Equal(published, changed.Changed.Count);
        Assert.True(published > 100, $"only {published} have changed in 5 s");
    }

    [Fact]
    public async Task SameSeedAndClock_GiveTheSameFleet()
    {
        var other = new ManualTimeProvider();
        var otherDirectory = new InMemoryFleetDirectory(other);
        await using var otherFleet = new SimulatedFleet(otherDirectory, 50, static _ => "{}", other, new Random(1));
        var fleet = Create(50);
        for (var i = 0; i < 60; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(2));
            other.Advance(TimeSpan.FromSeconds(2));
            await fleet.StepAsync(default);
            await otherFleet.StepAsync(default);
        }

        static IEnumerable<byte[]> Bytes(DirectoryView view) => view.Entries.Select(static entry => SnapshotJson.Write(entry.Snapshot));
        Assert.Equal(Bytes(await _directory.ReadAllAsync(default)), Bytes(await otherDirectory.ReadAllAsync(default)));
    }

    [Fact]
    public async Task Started_TheyLiveByTheClock()
    {
        var fleet = Create(20);
        fleet.Start();
        await _clock.WhenArmedAsync();
        await Until.TrueAsync(
            async () =>
            {
                _clock.Advance(TimeSpan.FromMilliseconds(250));
                return (await _directory.ReadAllAsync(default)).Entries.Count == 20;
            },
            "not all instances came");
    }

    [Fact]
    public async Task ThousandInstancesOfFiftyFunctions_AreReadInMuchLessThanATenthOfASecond()
    {
        _fleet = new SimulatedFleet(_directory, 1000, static _ => "{}", _clock, new Random(1), SimulatedFleet.MaxFunctions);
        _clock.Advance(TimeSpan.FromSeconds(5));
        await _fleet.StepAsync(default);
        var best = TimeSpan.MaxValue;
        for (var i = 0; i < 5; i++)
        {
            var began = TimeProvider.System.GetTimestamp();
            Assert.Equal(1000, (await _directory.ReadAllAsync(default)).Entries.Count);
            var took = TimeProvider.System.GetElapsedTime(began);
            best = took < best ? took : best;
        }

        Assert.True(best < TimeSpan.FromMilliseconds(50), $"reading took {best.TotalMilliseconds} ms");
    }

    /// <summary>Whoever tries the dashboard's buttons on a fleet that there is none of sees them work.</summary>
    [Fact]
    public async Task Orders_AreCarriedOut_AndHoldUntilTheyAreUndoneOrOver()
    {
        var fleet = Create(1);
        await UntilAsync(fleet, InstancePhase.Ready);
        Assert.Equal(FleetOrderOutcome.Refused, (await OrderAsync(fleet, "early", FleetOrderKind.Undrain)).Outcome);
        Assert.Equal(FleetOrderOutcome.Done, (await OrderAsync(fleet, "flush", FleetOrderKind.Flush)).Outcome);
        var drained = await OrderAsync(fleet, "drain", FleetOrderKind.Drain);
        Assert.Equal((FleetOrderOutcome.Done, "{}"), (drained.Outcome, drained.ReceiptJson));
        Assert.Equal(InstancePhase.Stopped, (await OneAsync()).Phase);
        for (var i = 0; i < 100; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(5));
            await fleet.StepAsync(default);
            Assert.Equal(InstancePhase.Stopped, (await OneAsync()).Phase);
        }

        Assert.Equal(FleetOrderOutcome.Done, (await OrderAsync(fleet, "undrain", FleetOrderKind.Undrain)).Outcome);
        Assert.Equal(InstancePhase.Ready, (await OneAsync()).Phase);
        await OrderAsync(fleet, "again", FleetOrderKind.Drain);
        _clock.Advance(TimeSpan.FromHours(1));
        await fleet.StepAsync(default);
        Assert.Equal(InstancePhase.Ready, (await OneAsync()).Phase);
        Assert.Equal(0, (await OneAsync()).Drift);
    }

    [Fact]
    public async Task UndrainWhileItDrains_TakesTheDrainsPlace_AndAnOrderForAnotherContainerIsRefused()
    {
        var fleet = Create(1);
        await UntilAsync(fleet, InstancePhase.Ready);
        await PlaceAsync("drain", FleetOrderKind.Drain, "sim-00001");
        await UntilAsync(fleet, InstancePhase.Draining);
        await PlaceAsync("undrain", FleetOrderKind.Undrain, "sim-00001");
        await PlaceAsync("other", FleetOrderKind.Drain, "another life");
        var results = new Dictionary<string, FleetOrderOutcome?>();
        for (var i = 0; i < 200 && results.Values.Count(static outcome => outcome is not null) < 3; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(250));
            await fleet.StepAsync(default);
            results = (await _directory.ListAsync("sim-00001", default)).ToDictionary(static state => state.Order.Id, static state => state.Result?.Outcome);
        }

        Assert.Equal(FleetOrderOutcome.Refused, results["other"]);

        // Whichever came first: it had drained before, or it was undone.
        Assert.Contains(results["drain"], (FleetOrderOutcome?[])[FleetOrderOutcome.Superseded, FleetOrderOutcome.Done]);
        Assert.Equal(FleetOrderOutcome.Done, results["undrain"]);
        Assert.Equal(InstancePhase.Ready, (await OneAsync()).Phase);
    }

    [Fact]
    public async Task Profiles_AreFollowedByWhoeverRuns_AndByTheOthersWhenTheyThaw()
    {
        var fleet = Create(50);
        _clock.Advance(TimeSpan.FromSeconds(5));
        await fleet.StepAsync(default);
        await ((IFleetProfiles)_directory).SetAsync("{}", "test", null, null, default);
        await FollowAsync(1);
        await ((IFleetProfiles)_directory).SetAsync(null, "test", null, null, default);
        await FollowAsync(null);

        async Task FollowAsync(long? version)
        {
            for (var second = 0; second < 1200; second++)
            {
                _clock.Advance(TimeSpan.FromSeconds(1));
                await fleet.StepAsync(default);
                if ((await _directory.ReadAllAsync(default)).Entries.All(entry => entry.Snapshot.FleetProfileVersion == version))
                {
                    return;
                }
            }

            Assert.Fail($"not all go by {version}");
        }
    }

    private async Task<InstanceSnapshot> OneAsync() => (await _directory.ReadAsync("sim-00001", default))!.Snapshot;

    private async Task UntilAsync(SimulatedFleet fleet, InstancePhase phase)
    {
        for (var i = 0; i < 1000 && (await _directory.ReadAsync("sim-00001", default))?.Snapshot.Phase != phase; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(250));
            await fleet.StepAsync(default);
        }

        Assert.Equal(phase, (await OneAsync()).Phase);
    }

    private Task<FleetOrderState> PlaceAsync(string id, FleetOrderKind kind, string? life) => _directory.PlaceAsync(
        new FleetOrder(id, "sim-00001", life, kind, "test", _clock.GetUtcNow(), _clock.GetUtcNow() + TimeSpan.FromHours(1)), default);

    private async Task<FleetOrderResult> OrderAsync(SimulatedFleet fleet, string id, FleetOrderKind kind)
    {
        await PlaceAsync(id, kind, "sim-00001");
        for (var i = 0; i < 4000; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(250));
            await fleet.StepAsync(default);
            if ((await _directory.ListAsync("sim-00001", default)).Single(state => state.Order.Id == id).Result is { } result)
            {
                return result;
            }
        }

        throw new InvalidOperationException($"{id} is never carried out");
    }

    private SimulatedFleet Create(int instances) => _fleet = new SimulatedFleet(_directory, instances, static _ => "{}", _clock, new Random(1));
}
