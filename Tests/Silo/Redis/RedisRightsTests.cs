using System.Diagnostics;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Common.Fleet;

namespace NoslateFleet.Tests.Silo.Redis;

/// <summary>The rights that the fleet needs in Redis, as docs/fleet.md lists them; how long a whole fleet takes to read; and what is in it.</summary>
public sealed class RedisRightsTests
{
    [SkippableFact]
    public async Task UserWithTheDocumentedRightsOnly_CanDoEverything_AndNothingElse()
    {
        await using var server = await RedisServer.StartAsync();
        var rule = (await File.ReadAllLinesAsync(Repository.PathOf("docs", "fleet.md")))
            .Single(line => line.StartsWith("ACL SETUSER ", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("OK", await server.CliAsync(rule));
        Assert.Equal("OK", await server.CliAsync("ACL", "SETUSER", "default", "off"));
        var fleet = new RedisFleet(server.Endpoint, null, ("User", "noslatefleet"), ("Password", "secret"));
        var heard = new System.Collections.Concurrent.ConcurrentQueue<FleetNotice>();
        using var listening = fleet.Parts.Notices.Listen("i", heard.Enqueue);
        await Until.TrueAsync(fleet.WorksAsync, "it does not work: " + string.Join('\n', fleet.Logged));
        await Until.TrueAsync(() => heard.Contains(FleetNotice.Anything), "it does not listen");
        await fleet.Directory.PublishAsync(Snapshots.Full(), default);
        await fleet.Directory.PublishAsync(Snapshots.Full() with { Sequence = 2 }, default);
        Assert.NotNull(await fleet.Directory.ReadAsync("i", default));
        await fleet.Directory.AppendAsync("i", [new(RecordKind.Receipt, "boot-1", 1, DateTimeOffset.UnixEpoch, "{}")], default);
        Assert.Single(await fleet.Directory.ReadRecordsAsync("i", default));
        Assert.Single((await fleet.Directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Changed);
        var few = new RedisFleet(
            server.Endpoint,
            new FleetOptions { KeptOrders = 1, Retention = TimeSpan.FromMilliseconds(1) },
            ("User", "noslatefleet"),
            ("Password", "secret"));
        for (var i = 0; i < 2; i++)
        {
            await few.Parts.Orders.PlaceAsync(
                new("o" + i, "i", null, FleetOrderKind.Drain, "a", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddMinutes(1)), default);
        }

        Assert.Equal("o1", Assert.Single(await fleet.Parts.Orders.ListAsync("i", default)).Order.Id);
        Assert.True(await fleet.Parts.Orders.CompleteAsync(
            new("o1", "i", "boot-1", 1, DateTimeOffset.UnixEpoch, FleetOrderOutcome.Done, "", null), default));
        await fleet.Parts.Profiles.SetAsync("{}", "a", 0, null, default);
        Assert.NotNull(await fleet.Parts.Profiles.ReadAsync(default));
        Assert.Single(await fleet.Parts.Profiles.ListAsync(default));

        // What expires is taken out, and remembered: the rest of the rights.
        await few.Directory.PublishAsync(Snapshots.Of(instance: "short"), default);
        await Until.TrueAsync(async () => await fleet.Directory.ReadAsync("short", default) is null, "it does not expire");
        await Until.TrueAsync(
            () => heard.Contains(FleetNotice.Snapshots) && heard.Contains(FleetNotice.Order) && heard.Contains(FleetNotice.Profiles),
            "no notices come");
        foreach (var denied in new[] { "KEYS *", "FLUSHALL", "GET other", "CONFIG GET *", "PUBLISH other x", "HGETALL {other}:snapshots" })
        {
            Assert.StartsWith(
                "NOPERM",
                (await server.CliAsync(["--user", "noslatefleet", "--pass", "secret", "--no-auth-warning", .. denied.Split(' ')])).TrimStart('(', ' '),
                StringComparison.Ordinal);
        }

        Assert.DoesNotContain(fleet.Logged, line => line.Contains("NOPERM", StringComparison.Ordinal));
        await few.EndAsync();
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task AThousandInstances_OfFiftyFunctions_AreReadInATenthOfASecond()
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        await Until.TrueAsync(fleet.WorksAsync, "Redis can't be reached");
        var one = Snapshots.Full(functions: 50, workers: 1);

        // A few at a time: each has a second, and all at once have to share it.
        var few = new ParallelOptions { MaxDegreeOfParallelism = 4 };
        await Parallel.ForAsync(0, 1000, few, async (i, token) => await fleet.Directory.PublishAsync(one with { InstanceId = "i" + i }, token));
        var best = TimeSpan.MaxValue;
        for (var i = 0; i < 10; i++)
        {
            var watch = Stopwatch.StartNew();
            var view = await fleet.Directory.ReadAllAsync(default);
            best = watch.Elapsed < best ? watch.Elapsed : best;
            Assert.Equal((1000, 50), (view.Entries.Count, view.Entries[^1].Snapshot.Functions.Count));
        }

        await fleet.EndAsync();
        Console.WriteLine($"1,000 instances of 50 functions: {best.TotalMilliseconds:F0} ms, {SnapshotJson.Write(one).Length} B each");

        // Generous: other tests run on the same machine. What is measured alone is told in docs/fleet.md.
        Assert.InRange(best, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    [SkippableFact]
    public async Task NoSetting_GetsIntoRedis()
    {
        await using var server = await RedisServer.StartAsync("--requirepass", "the-redis-secret");
        var fleet = new RedisFleet(server.Endpoint, null, ("Password", "the-redis-secret"));
        await fleet.Directory.PublishAsync(Snapshots.Full(), default);
        await fleet.Directory.AppendAsync("i", [new(RecordKind.Receipt, "boot-1", 1, DateTimeOffset.UnixEpoch, "{}")], default);
        await fleet.Parts.Profiles.SetAsync("{}", "a", null, null, default);
        var all = "";
        foreach (var key in new[] { "state", "leases", "snapshots" })
        {
            all += await server.CliAsync("-a", "the-redis-secret", "--no-auth-warning", "HGETALL", "{noslatefleet}:" + key);
        }

        foreach (var key in new[] { "profiles", "records:i" })
        {
            all += await server.CliAsync("-a", "the-redis-secret", "--no-auth-warning", "LRANGE", "{noslatefleet}:" + key, "0", "-1");
        }

        Assert.Contains("boot-1", all, StringComparison.Ordinal);
        Assert.DoesNotContain("the-redis-secret", all, StringComparison.Ordinal);
        await fleet.EndAsync();
    }
}
