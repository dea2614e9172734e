using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Cluster.Harness;

namespace NoslateFleet.Tests.Cluster;

/// <summary>Real silos, each alone.</summary>
[Collection(nameof(OneAtATime))]
public sealed class IslandTests
{
    private const int Count = 5;

    private static readonly string[] _quick = ["--Fleet:HeartbeatInterval=500ms", "--Fleet:LostAfter=2s"];

    [SkippableFact]
    public async Task OneFrozenWithoutAHook_OneKilledAtWork_OneStopped_TheViewTellsEach_AndTheOthersServe()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Island, Count, _quick);
        var (first, viewer, frozen, killed, stopped) = (fleet.Instances[0], fleet.Instances[1], fleet.Instances[2], fleet.Instances[3], fleet.Instances[4]);
        await using var serves = new Load(first);
        var calm = await Calm.OfAsync(serves);
        _ = await killed.BeginWorkAsync("long");
        await viewer.SeesAsync(killed, seen => seen is { InFlight: 1, Ending: false }, "at work");

        frozen.Freeze();
        await killed.KillAsync();
        await stopped.TerminateAsync();
        var disturbed = Calm.OfAsync(serves);
        await viewer.SeesAsync(frozen, Standing.Quiet);
        await viewer.SeesAsync(killed, Standing.Lost);
        await viewer.SeesAsync(stopped, Standing.Stopped);
        await viewer.SeesAsync(first, Standing.Active);
        calm.Holds(await disturbed);

        await frozen.ThawAndServeAsync();
        await viewer.SeesAsync(frozen, Standing.Active);
        await serves.StopAsync();
        Assert.Empty(serves.Failures);
        Assert.Equal(0, serves.Count(Seen.Refused));
        Assert.Equal(serves.Count(Seen.Answered), await first.ConservedAsync());
        Assert.Equal(2, await frozen.ConservedAsync());
        Assert.Equal(0, await viewer.ConservedAsync());
        Assert.All([first, viewer, frozen], instance => Assert.DoesNotContain("life 2", instance.Silo.Output, StringComparison.Ordinal));
    }

    /// <summary>What Redis knew is lost, and those that were idle all along are listed again by themselves.</summary>
    [SkippableFact]
    public async Task RedisGone_AndBackEmpty_NothingIsLost_NobodyRestarts_AndTheViewFillsAgain()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Island, Count, _quick);
        await using var one = new Load(fleet.Instances[0]);
        await using var two = new Load(fleet.Instances[1]);
        var viewer = fleet.Instances[2];
        foreach (var instance in fleet.Instances)
        {
            await viewer.SeesAsync(instance, static _ => true, "at all");
        }

        var calm = await Calm.OfAsync(one);
        fleet.Redis.Kill();
        var disturbed = Calm.OfAsync(one);

        // How long it is away is what this test is about.
        await Task.Delay(Outage.OfRedis);
        calm.Holds(await disturbed);
        await two.AnswersAsync(20);
        await fleet.Redis.StartAgainAsync();
        foreach (var instance in fleet.Instances)
        {
            await viewer.SeesAsync(instance, static seen => seen.Standing is Standing.Active or Standing.Quiet, "again");
        }

        await one.StopAsync();
        await two.StopAsync();
        Assert.Empty(one.Failures);
        Assert.Empty(two.Failures);
        Assert.Equal(one.Count(Seen.Answered), await fleet.Instances[0].ConservedAsync());
        Assert.Equal(two.Count(Seen.Answered), await fleet.Instances[1].ConservedAsync());
        Assert.All(fleet.Instances, instance => Assert.DoesNotContain("life 2", instance.Silo.Output, StringComparison.Ordinal));
    }
}
