using System.Diagnostics;
using NoslateFleet.Coordination.Supervision;
using NoslateFleet.Grains.Instances;
using NoslateFleet.Grains.Placement;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Silo.Hosting;

/// <summary>Silos that find each other in a real Redis.</summary>
public sealed class MeshTests
{
    private const string Table = "{noslatefleet}:members:noslatefleet";

    [SkippableFact]
    public async Task TwoSilos_AskEachOthersInstances()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var one = await SiloUnderTest.StartMeshAsync(redis, "one");
        await using var two = await SiloUnderTest.StartMeshAsync(redis, "two");
        await one.UpAsync();
        await two.UpAsync();
        await Until.TrueAsync(() => AnswersAsync(one, "two"), "one does not reach two");
        await Until.TrueAsync(() => AnswersAsync(two, "one"), "two does not reach one");
    }

    [SkippableFact]
    public async Task RedisDownAtTheStart_IsTriedAgain_UntilItIsThere()
    {
        await using var redis = await RedisServer.StartAsync();
        redis.Kill();
        await using var it = await SiloUnderTest.StartMeshAsync(redis, "one", "--Redis:ConnectTimeout=500ms");
        await Until.TrueAsync(() => it.State.Failures >= 2, "it is not tried again");
        Assert.False(it.GrainsAreOpen);
        await redis.StartAgainAsync();
        await it.UpAsync();
        Assert.True(await AnswersAsync(it, "one"));
    }

    [SkippableFact]
    public async Task AStartThatFailed_LeavesNothingRunning()
    {
        await using var redis = await RedisServer.StartAsync();
        redis.Kill();
        await using var it = await SiloUnderTest.StartMeshAsync(redis, "one", "--Silo:Supervision:RetryMin=30s", "--Redis:ConnectTimeout=500ms");
        await Until.TrueAsync(() => it.State is { Phase: SupervisedPhase.Waiting, Failures: 1 }, "its start does not fail");

        await QuietAsync();
    }

    [SkippableFact]
    public async Task TheTableGone_BothSilosJoinAgain_AndNothingOfTheirFormerLivesRunsOn()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var one = await SiloUnderTest.StartMeshAsync(redis, "one");
        await using var two = await SiloUnderTest.StartMeshAsync(redis, "two");
        await one.UpAsync();
        await two.UpAsync();
        await Until.TrueAsync(() => AnswersAsync(one, "two"), "one does not reach two");
        Assert.Equal("1", await redis.CliAsync("DEL", Table));
        await one.UpAsync(life: 2);
        await two.UpAsync(life: 2);
        await Until.TrueAsync(() => AnswersAsync(one, "two"), "one does not reach two again");
        await QuietAsync();
    }

    [SkippableFact]
    public async Task ItsRowGone_TheSiloAloneIsRestarted_AndJoinsAgain()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var it = await SiloUnderTest.StartMeshAsync(redis, "one");
        await it.UpAsync();
        var row = "";
        foreach (var field in (await redis.CliAsync("HKEYS", Table)).Split('\n'))
        {
            row = field.StartsWith("S127.0.0.1", StringComparison.Ordinal) ? field : row;
        }

        Assert.NotEqual("", row);
        Assert.Equal("1", await redis.CliAsync("HDEL", Table, row));
        await it.UpAsync(life: 2);
        Assert.Contains((await redis.CliAsync("HKEYS", Table)).Split('\n'), field => field.StartsWith("S127.0.0.1", StringComparison.Ordinal) && field != row);
        Assert.True(await AnswersAsync(it, "one"));
        Assert.Contains(it.Logged, static line => line.StartsWith("Warning 2001", StringComparison.Ordinal));
        Assert.DoesNotContain(it.Logged, static line => line.StartsWith("Warning 2002", StringComparison.Ordinal));
    }

    /// <summary>One spoiled row let no silo read the table any more, and none join: it tried for five minutes, and said nothing.</summary>
    [SkippableTheory]
    [InlineData(2, "SET", Table, "spoiled")]
    [InlineData(2, "HSET", Table, "Version", "many")]
    [InlineData(2, "HDEL", Table, "Version")]
    [InlineData(1, "HSET", Table, "S127.0.0.1:9:9", "{\"half")]
    public async Task TheTableSpoiled_IsMended_ToldOnce_AndBothWhoIsThereAndWhoComesGoByIt(long life, params string[] spoil)
    {
        await using var redis = await RedisServer.StartAsync();
        await redis.CliAsync(spoil);
        await using var one = await SiloUnderTest.StartMeshAsync(redis, "one");
        await one.UpAsync();
        await redis.CliAsync(spoil);
        await using var two = await SiloUnderTest.StartMeshAsync(redis, "two", "--Silo:RowCheckInterval=1h");
        await two.UpAsync();
        await one.UpAsync(life);
        await Until.TrueAsync(() => AnswersAsync(one, "two"), "one does not reach two");
        Assert.Contains(one.Logged.Concat(two.Logged), static line => line.StartsWith("Warning 2112", StringComparison.Ordinal));
        Assert.DoesNotContain(one.Logged.Concat(two.Logged), static line => line.StartsWith("Warning 2002", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task RedisRestartedEmpty_TheSiloJoinsAgain()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var it = await SiloUnderTest.StartMeshAsync(redis, "one");
        await it.UpAsync();
        redis.Kill();
        await redis.StartAgainAsync();
        await it.UpAsync(life: 2);
        Assert.Contains("127.0.0.1", await redis.CliAsync("HKEYS", Table), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task RedisAway_WithItsDataKept_TheSiloGoesOn()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var it = await SiloUnderTest.StartMeshAsync(redis, "one");
        await it.UpAsync();
        await redis.CliAsync("CLIENT", "PAUSE", "3000", "ALL");
        Assert.True(await AnswersAsync(it, "one"));
        await Until.TrueAsync(async () => await redis.CliAsync("PING") == "PONG", "Redis does not come back");
        Assert.Equal((SupervisedPhase.Up, 1L), (it.State.Phase, it.State.Life));
    }

    [SkippableFact]
    public async Task Stopped_ItLeavesTheTableAsDead()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var stays = await SiloUnderTest.StartMeshAsync(redis, "stays");
        await using var leaves = await SiloUnderTest.StartMeshAsync(redis, "leaves");
        await stays.UpAsync();
        await leaves.UpAsync();
        await leaves.StopAsync();
        Assert.False(await AnswersAsync(stays, "leaves"));
        Assert.True(await AnswersAsync(stays, "stays"));
    }

    /// <summary>
    /// What is left of a silo that was disposed of before its directory had stopped asks for the membership millions of times a second. Others in this process do
    /// work too.
    /// </summary>
    private static async Task QuietAsync()
    {
        var done = ThreadPool.CompletedWorkItemCount;
        var seen = Stopwatch.GetTimestamp();
        await Until.TrueAsync(() => Stopwatch.GetElapsedTime(seen) > TimeSpan.FromSeconds(1), "the clock stands still");
        var perSecond = (ThreadPool.CompletedWorkItemCount - done) / Stopwatch.GetElapsedTime(seen).TotalSeconds;
        Assert.InRange(perSecond, 0, 20_000);
    }

    private static async Task<bool> AnswersAsync(SiloUnderTest at, string instance)
    {
        try
        {
            return (await at.Part.Grains!.GetGrain<IInstanceGrain>(GrainKeys.OfInstance(instance)).ReportAsync()).InstanceId == instance;
        }
        catch (Exception error) when (error is InstanceUnreachableException or Orleans.Runtime.SiloUnavailableException or Orleans.Runtime.OrleansMessageRejectionException)
        {
            return false;
        }
    }
}
