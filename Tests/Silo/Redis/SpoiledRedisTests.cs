using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Silo.Redis;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Common.Fleet;

namespace NoslateFleet.Tests.Silo.Redis;

/// <summary>What somebody else has spoiled in Redis stops neither readers nor writers, and is told once, by its key.</summary>
public sealed class SpoiledRedisTests
{
    private const string Start = "{noslatefleet}:";

    [SkippableTheory]
    [InlineData("state")]
    [InlineData("leases")]
    [InlineData("snapshots")]
    [InlineData("expiries")]
    [InlineData("changes")]
    [InlineData("removed")]
    public async Task KeyOfTheDirectory_OfAnotherType_IsMadeAnew_AndInstancesAreAskedToTellAgain(string key)
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a"), default);
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "b"), default);
        var before = (await fleet.Directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Version;
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var listens = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var listening = fleet.Parts.Notices.Listen("a", notice =>
        {
            if (notice == FleetNotice.Anything && !listens.TrySetResult())
            {
                asked.TrySetResult();
            }
        });
        await listens.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await server.CliAsync("SET", Start + key, "spoiled");

        Assert.Equal(PublishOutcome.Published, (await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a", sequence: 2), default)).Outcome);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "b", sequence: 2), default);

        Assert.Equal(["a", "b"], (await fleet.Directory.ReadAllAsync(default)).Entries.Select(static entry => entry.Snapshot.InstanceId));
        var page = await fleet.Directory.ReadChangesAsync(before, 10, default);
        Assert.True(page.Reset);
        Assert.Equal(["a", "b"], page.Changed.Select(static entry => entry.Snapshot.InstanceId).Order(StringComparer.Ordinal));
        Assert.Equal(PublishOutcome.Stale, (await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a", sequence: 2), default)).Outcome);
        Assert.Contains(Start + key + " ", Assert.Single(fleet.Logged), StringComparison.Ordinal);
        Assert.StartsWith("Warning 2112", Assert.Single(fleet.Logged), StringComparison.Ordinal);
        await fleet.EndAsync();
    }

    [SkippableTheory]
    [InlineData("leases")]
    [InlineData("expiries")]
    [InlineData("changes")]
    [InlineData("removed")]
    public async Task KeyOfTheDirectory_OfAnotherType_LosesNoSnapshot_AndAReaderMendsIt(string key)
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "frozen"), default);
        await server.CliAsync("SET", Start + key, "spoiled");
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "b"), default);
        Assert.Equal(2, (await fleet.Directory.ReadAllAsync(default)).Entries.Count);
        Assert.Equal(2, (await fleet.Directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Changed.Count);
        Assert.NotEqual("", await server.CliAsync("ZSCORE", Start + "expiries", "frozen"));
        await fleet.EndAsync();
    }

    [SkippableTheory]
    [InlineData("snapshots")]
    [InlineData("expiries")]
    [InlineData("changes")]
    public async Task KeyOfTheDirectory_LostWithoutTheOthers_IsFoundByAReader_AndInstancesAreAskedToTellAgain(string key)
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a"), default);
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "b"), default);
        var heard = new System.Collections.Concurrent.ConcurrentQueue<FleetNotice>();
        using var listening = fleet.Parts.Notices.Listen("a", heard.Enqueue);
        await Until.TrueAsync(() => heard.Contains(FleetNotice.Anything), "it does not listen");
        heard.Clear();
        Assert.Equal("1", await server.CliAsync("DEL", Start + key));
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "b", sequence: 2), default);

        string[] left = key == "snapshots" ? ["b"] : ["a", "b"];
        Assert.Equal(left, (await fleet.Directory.ReadAllAsync(default)).Entries.Select(static entry => entry.Snapshot.InstanceId));
        await Until.TrueAsync(() => heard.Contains(FleetNotice.Anything), "nobody is asked");
        Assert.Equal(PublishOutcome.Published, (await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a", sequence: 2), default)).Outcome);

        Assert.Equal(["a", "b"], (await fleet.Directory.ReadAllAsync(default)).Entries.Select(static entry => entry.Snapshot.InstanceId));
        Assert.Equal(2, (await fleet.Directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Changed.Count);
        Assert.NotEqual("", await server.CliAsync("ZSCORE", Start + "expiries", "a"));
        Assert.StartsWith("Warning 2112", Assert.Single(fleet.Logged), StringComparison.Ordinal);
        Assert.Contains(Start + key + " ", fleet.Logged.Single(), StringComparison.Ordinal);
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task Leases_OfAnotherType_AreMadeAnewOfTheSnapshots_SoThatAnOlderProcessStaysFencedOff()
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a", boot: "new", epoch: 7, sequence: 5), default);
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "half"), default);
        await server.CliAsync("HSET", Start + "snapshots", "half", "1 {\"epoch\":");
        await server.CliAsync("SET", Start + "leases", "spoiled");
        var old = await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a", boot: "old", epoch: 6, sequence: 99), default);
        Assert.Equal(new PublishResult(PublishOutcome.Fenced, "new", 7), old);
        Assert.Equal(PublishOutcome.Stale, (await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a", boot: "new", epoch: 7, sequence: 5), default)).Outcome);
        Assert.Equal(PublishOutcome.Published, (await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a", boot: "new", epoch: 7, sequence: 6), default)).Outcome);
        Assert.Equal(PublishOutcome.Published, (await fleet.Directory.PublishAsync(Snapshots.Of(instance: "half"), default)).Outcome);
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task Profiles_OfAnotherType_AreMadeAnew_AndNoVersionIsGivenOutTwice()
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        var profiles = fleet.Parts.Profiles;
        await profiles.SetAsync("{}", "a", 0, null, default);
        await profiles.SetAsync("{}", "a", 1, null, default);
        await server.CliAsync("SET", Start + "profiles", "spoiled");
        Assert.Equal(3, (await profiles.SetAsync("{}", "a", 0, null, default))?.Version);
        await server.CliAsync("SET", Start + "versions", "spoiled");
        Assert.Equal(4, (await profiles.SetAsync("{}", "a", 3, null, default))?.Version);
        await server.CliAsync("HSET", Start + "versions", "last", "many");
        Assert.Equal(5, (await profiles.SetAsync("{}", "a", 4, null, default))?.Version);
        Assert.Equal([5, 4, 3], (await profiles.ListAsync(default)).Select(static profile => profile.Version));
        Assert.Equal(2, fleet.Logged.Count);
        await fleet.EndAsync();
    }

    [SkippableTheory]
    [InlineData("version", "many")]
    [InlineData("version", "99999999999999999999")]
    [InlineData("forgotten", "-1")]
    [InlineData("told", "1.5")]
    public async Task FieldThatIsNoNumber_StopsNobody(string field, string value)
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a"), default);
        await server.CliAsync("HSET", Start + "state", field, value);
        Assert.Single((await fleet.Directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Changed);
        await server.CliAsync("HSET", Start + "state", field, value);
        Assert.Equal(PublishOutcome.Published, (await fleet.Directory.PublishAsync(Snapshots.Of(instance: "b"), default)).Outcome);
        Assert.Equal(2, (await fleet.Directory.ReadAllAsync(default)).Entries.Count);
        Assert.Contains($"{Start}state {field} ", Assert.Single(fleet.Logged), StringComparison.Ordinal);
        await fleet.EndAsync();
    }

    [SkippableTheory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("1 {\"schema\":1,\"instanceId\":\"a\"")]
    [InlineData("1 {\"schema\":9}")]
    [InlineData("1 {\"schema\":1,\"instanceId\":\"\\ud800\",\"boot\":\"b\",\"epoch\":1,\"sequence\":1}")]
    public async Task Snapshot_ThatIsDamagedOrForeign_IsPassedOver_AndWrittenAnew(string value)
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a"), default);
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "b"), default);
        await server.CliAsync("HSET", Start + "snapshots", "a", value);
        await server.CliAsync("HSET", Start + "leases", "a", "half");
        for (var i = 0; i < 2; i++)
        {
            var view = await fleet.Directory.ReadAllAsync(default);
            Assert.Equal(("b", "a"), (Assert.Single(view.Entries).Snapshot.InstanceId, Assert.Single(view.Unreadable)));
            Assert.Equal("b", Assert.Single((await fleet.Directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Changed).Snapshot.InstanceId);
            Assert.Null(await fleet.Directory.ReadAsync("a", default));
        }

        Assert.Contains(Start + "snapshots a ", Assert.Single(fleet.Logged), StringComparison.Ordinal);
        Assert.Equal(PublishOutcome.Published, (await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a"), default)).Outcome);
        Assert.Equal(2, (await fleet.Directory.ReadAllAsync(default)).Entries.Count);
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task Snapshot_OfATimeThatIsNone_OrOfAnotherInstance_SpoilsNotTheView()
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a"), default);
        var stored = await server.CliAsync("HGET", Start + "snapshots", "a");
        var json = stored[(stored.IndexOf(' ', StringComparison.Ordinal) + 1)..];
        await server.CliAsync("HSET", Start + "snapshots", "a", "9223372036854775807 " + json, "b", stored);
        var view = await fleet.Directory.ReadAllAsync(default);
        Assert.Equal(("a", "b"), (Assert.Single(view.Entries).Snapshot.InstanceId, Assert.Single(view.Unreadable)));
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task DataLostWithoutALostConnection_InstancesAreAskedToTellAgain_ByAReaderToo()
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        await fleet.Directory.PublishAsync(Snapshots.Of(), default);
        var heard = new System.Collections.Concurrent.ConcurrentQueue<FleetNotice>();
        using var listening = fleet.Parts.Notices.Listen("i", heard.Enqueue);
        await Until.TrueAsync(() => heard.Contains(FleetNotice.Anything), "it does not listen");
        heard.Clear();
        await server.CliAsync("FLUSHALL");
        await fleet.Directory.ReadAllAsync(default);
        await Until.TrueAsync(() => heard.Contains(FleetNotice.Anything), "nobody is asked");
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task DataLost_WholeFleetHearsOfItInOneInstant_AndTellsAgainOneAfterTheOther_ReadersAtOnce()
    {
        await using var server = await RedisServer.StartAsync();
        var clock = new ManualTimeProvider();
        var fleet = new RedisFleet(server.Endpoint, null, clock);
        await fleet.Directory.PublishAsync(Snapshots.Of(), default);
        const int Instances = 50;
        var heard = new System.Collections.Concurrent.ConcurrentQueue<FleetNotice>[Instances];
        var listening = new IDisposable[Instances];
        for (var i = 0; i < Instances; i++)
        {
            heard[i] = new();
            listening[i] = fleet.Parts.Notices.Listen("i" + i, heard[i].Enqueue);
        }

        await Until.TrueAsync(() => heard.All(static one => one.Contains(FleetNotice.Anything)), "they do not listen");
        Array.ForEach(heard, static one => one.Clear());
        await server.CliAsync("FLUSHALL");
        var before = clock.ArmedTimers;
        for (var i = 0; i < 3; i++)
        {
            await fleet.Directory.ReadAllAsync(default);
        }

        await Until.TrueAsync(() => heard.All(static one => one.Contains(FleetNotice.Snapshots)), "readers are not told");
        await clock.WhenArmedAsync(before + Instances);

        // Three losses, and one wait each. By the clock, not by what each has heard: the driver may tell late that it listens on a new connection, and
        // whoever listens is asked then, too. Few others wait for the clock.
        Assert.InRange(clock.ArmedTimers - before, Instances, Instances + 5);
        clock.Advance(RedisFleetNotices.Spread / 2);
        Assert.InRange(clock.ArmedTimers - before, 5, Instances - 5);
        clock.Advance(RedisFleetNotices.Spread / 2);
        Assert.InRange(clock.ArmedTimers, 0, before + 5);
        await Until.TrueAsync(() => heard.All(static one => one.Contains(FleetNotice.Anything)), "not all tell again");
        Array.ForEach(listening, static one => one.Dispose());
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task Orders_ThatAreDamaged_ArePassedOver_AndTheirNeighboursAreNot()
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        var orders = fleet.Parts.Orders;
        await orders.PlaceAsync(Order("one"), default);
        await orders.PlaceAsync(Order("half"), default);
        await orders.PlaceAsync(Order("late"), default);
        await orders.PlaceAsync(Order("two"), default);
        await server.CliAsync("HSET", Start + "orders:i", "o:half", "no times", "o:late", "1 99999999999999999 99999999999999999 {\"schema\":1,");
        Assert.Equal(["one", "two"], (await orders.ListAsync("i", default)).Select(static state => state.Order.Id));
        Assert.Contains(Start + "orders:i ", Assert.Single(fleet.Logged), StringComparison.Ordinal);
        Assert.True(await orders.CompleteAsync(new("two", "i", "b", 1, DateTimeOffset.UnixEpoch, FleetOrderOutcome.Done, "", null), default));
        foreach (var id in new[] { "half", "late" })
        {
            Assert.Equal(id, (await orders.PlaceAsync(Order(id), default)).Order.Id);
        }

        Assert.Equal(["one", "two", "half", "late"], (await orders.ListAsync("i", default)).Select(static state => state.Order.Id));
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task Orders_TellTheTimeThatTheyGoBy_WhichIsTheServers()
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint, null, new ManualTimeProvider());
        var placed = await fleet.Parts.Orders.PlaceAsync(Order("one"), default);
        Assert.Equal(placed.AsOf, placed.Order.PlacedAt);
        var listed = Assert.Single(await fleet.Parts.Orders.ListAsync("i", default));
        Assert.InRange(listed.AsOf!.Value, placed.Order.PlacedAt, placed.Order.PlacedAt + TimeSpan.FromMinutes(1));
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task Orders_OfATimeThatIsNone_AreListed()
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        await fleet.Parts.Orders.PlaceAsync(Order("one"), default);
        var stored = await server.CliAsync("HGET", Start + "orders:i", "o:one");
        await server.CliAsync("HSET", Start + "orders:i", "o:one", "1 99999999999999999999 99999999999999999999 " + stored[stored.IndexOf('{', StringComparison.Ordinal)..]);
        Assert.Equal("one", Assert.Single(await fleet.Parts.Orders.ListAsync("i", default)).Order.Id);
        await fleet.EndAsync();
    }

    [SkippableTheory]
    [InlineData("orders:i")]
    [InlineData("queue:i")]
    public async Task KeyOfOrders_OfAnotherType_IsMadeAnew_AndWhatIsLeftIsTaken(string key)
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        var orders = fleet.Parts.Orders;
        await orders.PlaceAsync(Order("one"), default);
        await orders.PlaceAsync(Order("two"), default);
        await server.CliAsync("SET", Start + key, "spoiled");
        string[] left = key == "queue:i" ? ["one", "two"] : [];
        Assert.Equal(left, (await orders.ListAsync("i", default)).Select(static state => state.Order.Id).Order(StringComparer.Ordinal));
        await server.CliAsync("SET", Start + key, "spoiled");
        await orders.PlaceAsync(Order("three"), default);
        // Two of one millisecond have no order any more once their queue is lost.
        Assert.Equal([.. left, "three"], (await orders.ListAsync("i", default)).Select(static state => state.Order.Id).OrderBy(static id => id == "three").ThenBy(static id => id, StringComparer.Ordinal));
        Assert.Contains(Start + key + " ", Assert.Single(fleet.Logged), StringComparison.Ordinal);
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task Profiles_ThatAreDamaged_ArePassedOver_AndTheOneBeforeHolds()
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        var profiles = fleet.Parts.Profiles;
        await profiles.SetAsync("{}", "a", null, null, default);
        await profiles.SetAsync("{\"functions\":[]}", "a", 1, null, default);
        foreach (var bad in new[] { "x", "3 1 {\"schema\":1,", "99999999999999999999 1 {}" })
        {
            await server.CliAsync("LPUSH", Start + "profiles", bad);
            Assert.Equal(2, (await profiles.ReadAsync(default))?.Version);
        }

        Assert.Equal([2, 1], (await profiles.ListAsync(default)).Select(static profile => profile.Version));
        Assert.Contains(Start + "profiles ", Assert.Single(fleet.Logged), StringComparison.Ordinal);
        Assert.Equal(3, (await profiles.SetAsync("{}", "b", 2, null, default))?.Version);
        Assert.Equal(3, (await profiles.ReadAsync(default))?.Version);
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task ProfilesAndRecords_OfAnotherType_AreMadeAnew_ByWhoeverComesFirst()
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        InstanceRecord record = new(RecordKind.Receipt, "boot-1", 1, DateTimeOffset.UnixEpoch, "{}");
        await SpoilAsync();
        Assert.Null(await fleet.Parts.Profiles.ReadAsync(default));
        Assert.Empty(await fleet.Directory.ReadRecordsAsync("i", default));
        await SpoilAsync();
        Assert.Equal(1, (await fleet.Parts.Profiles.SetAsync("{}", "a", 0, null, default))?.Version);
        await fleet.Directory.AppendAsync("i", [record], default);
        await server.CliAsync("RPUSH", Start + "records:i", "half {");
        await fleet.Directory.AppendAsync("i", [record], default);
        Assert.Equal(2, (await fleet.Directory.ReadRecordsAsync("i", default)).Count);
        Assert.Equal(2, fleet.Logged.Count);
        await fleet.EndAsync();

        async Task SpoilAsync()
        {
            await server.CliAsync("SET", Start + "profiles", "spoiled");
            await server.CliAsync("SADD", Start + "records:i", "spoiled");
        }
    }

    private static FleetOrder Order(string id) =>
        new(id, "i", null, FleetOrderKind.Flush, "tests", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch + TimeSpan.FromHours(1));
}
