using System.Globalization;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Common.Fleet;

namespace NoslateFleet.Tests.Silo.Redis;

/// <summary>The directory in Redis, by the rules for all; against a real server.</summary>
public sealed class RedisFleetDirectoryTests : FleetDirectoryConformance
{
    private RedisServer _server = null!;
    private RedisFleet _fleet = null!;

    protected override TimeSpan Retention => TimeSpan.FromSeconds(3);

    [SkippableFact]
    public async Task EveryKey_LiesUnderThePrefix_AndInOneSlot()
    {
        await FillAsync();
        var keys = (await _server.CliAsync("KEYS", "*")).Split('\n');
        Assert.Equal(10, keys.Length);
        Assert.All(keys, key => Assert.StartsWith("{noslatefleet}:", key, StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task FleetThatIsGone_LeavesItsProfilesOnly()
    {
        await FillAsync();
        await Until.TrueAsync(async () => (await _server.CliAsync("KEYS", "*")).Split('\n').Order(StringComparer.Ordinal).SequenceEqual(["{noslatefleet}:profiles", "{noslatefleet}:versions"]), "something is left");
    }

    [SkippableFact]
    public async Task FleetsOfOtherPrefixes_SeeNothingOfEachOther()
    {
        await FillAsync();
        var other = new RedisFleet(_server.Endpoint, null, ("Prefix", "other"));
        Assert.Empty((await other.Directory.ReadAllAsync(default)).Entries);
        Assert.Null(await other.Parts.Profiles.ReadAsync(default));
        await other.EndAsync();
    }

    [SkippableFact]
    public async Task DamagedEntry_IsNamed_AndHidesNoOther()
    {
        await FillAsync();
        foreach (var (instance, value) in new[] { ("damaged", "1 {\"schema\":1,"), ("number", "x"), ("newer", "1 {\"schema\":99}"), ("empty", "") })
        {
            await _server.CliAsync("HSET", "{noslatefleet}:snapshots", instance, value);
        }

        var view = await _fleet.Directory.ReadAllAsync(default);
        Assert.Equal("i", Assert.Single(view.Entries).Snapshot.InstanceId);
        Assert.Equal(["damaged", "empty", "newer", "number"], view.Unreadable);
        Assert.Null(await _fleet.Directory.ReadAsync("damaged", default));
    }

    [SkippableFact]
    public async Task DamagedLease_IsReplaced()
    {
        await _server.CliAsync("HSET", "{noslatefleet}:leases", "i", "rubbish");
        Assert.Equal(PublishOutcome.Published, (await _fleet.Directory.PublishAsync(Snapshots.Of(), default)).Outcome);
    }

    [SkippableFact]
    public async Task ScriptsForgotten_AreSentAgain()
    {
        await FillAsync();
        await _server.CliAsync("SCRIPT", "FLUSH");
        Assert.Single((await _fleet.Directory.ReadAllAsync(default)).Entries);
        await FillAsync(2);
        Assert.Empty(_fleet.Logged);
    }

    [SkippableFact]
    public async Task ReadingFromTheStart_EndsWhereMoreWasRemovedThanIsRemembered()
    {
        // Those that never changed lie before all that is forgotten: a page of them must not count as too old to go on from.
        var lasting = new RedisFleet(_server.Endpoint, new FleetOptions());
        foreach (var id in new[] { "a", "b", "c" })
        {
            await lasting.Directory.PublishAsync(Snapshots.Of(instance: id), default);
        }

        await Parallel.ForAsync(0, 1010, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (i, token) => await _fleet.Directory.PublishAsync(Snapshots.Of(instance: "i" + i), token));
        await ElapseAsync(Retention);
        await Until.TrueAsync(
            async () => (await _fleet.Directory.ReadAllAsync(default)).Entries.Count == 3, "what is past its retention stays");
        var since = DirectoryVersion.None;
        var seen = new List<string>();
        for (var pages = 1; ; pages++)
        {
            Assert.InRange(pages, 1, 3);
            var page = await _fleet.Directory.ReadChangesAsync(since, 1, default);
            Assert.False(page.Reset);
            seen.AddRange(page.Changed.Select(e => e.Snapshot.InstanceId));
            since = page.Version;
            if (!page.More)
            {
                break;
            }
        }

        Assert.Equal(["a", "b", "c"], seen);
        Assert.True((await _fleet.Directory.ReadChangesAsync(since with { Number = 1 }, 10, default)).Reset);
        await lasting.EndAsync();
    }

    [SkippableFact]
    public async Task NoticesOfSnapshots_AreAtMostTenASecond()
    {
        // Told at once is one fleet of a thousand listeners; what counts is who is told how often.
        for (var i = 1; i <= 300; i++)
        {
            await _fleet.Directory.PublishAsync(Snapshots.Of(sequence: i), default);
        }

        var told = (await _server.CliAsync("INFO", "commandstats")).Split('\n').Single(l => l.StartsWith("cmdstat_publish:", StringComparison.Ordinal));
        var time = long.Parse((await _server.CliAsync("HGET", "{noslatefleet}:state", "told")), CultureInfo.InvariantCulture)
            - (await _fleet.Directory.ReadAsync("i", default))!.ReceivedAt.ToUnixTimeMilliseconds();
        Assert.InRange(time, -100, 0);
        Assert.DoesNotContain("calls=300,", told, StringComparison.Ordinal);
    }

    protected override async Task<FleetParts> OpenAsync()
    {
        _server = await RedisServer.StartAsync();
        _fleet = new RedisFleet(
            _server.Endpoint, new FleetOptions { Retention = Retention, KeptRecords = KeptRecords, KeptOrders = KeptOrders });

        // The first call also makes the connection and compiles the way there, for which its second may not be enough.
        await Until.TrueAsync(_fleet.WorksAsync, "Redis can't be reached");
        return _fleet.Parts;
    }

    public override async Task DisposeAsync()
    {
        if (_fleet is not null)
        {
            await _fleet.EndAsync();
            Assert.DoesNotContain(_fleet.Logged, line => line.StartsWith("Error", StringComparison.Ordinal));
        }

        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    // By the directory's clock, which is the server's and can't be turned.
    protected override async Task ElapseAsync(TimeSpan time)
    {
        var until = await NowAsync() + time;
        await Until.TrueAsync(async () => await NowAsync() >= until, "time stands still");

        async Task<TimeSpan> NowAsync() =>
            (await _fleet.Directory.ReadAllAsync(default)).AsOf - DateTimeOffset.UnixEpoch;
    }

    private async Task FillAsync(int sequence = 1)
    {
        await _fleet.Directory.PublishAsync(Snapshots.Full() with { Sequence = sequence }, default);
        await _fleet.Directory.AppendAsync("i", [new(RecordKind.Receipt, "boot-1", 1, DateTimeOffset.UnixEpoch, "{}")], default);
        await _fleet.Parts.Orders.PlaceAsync(
            new("o", "i", null, FleetOrderKind.Drain, "somebody", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddMilliseconds(100)), default);
        await _fleet.Parts.Profiles.SetAsync("{}", "somebody", null, null, default);
    }
}
