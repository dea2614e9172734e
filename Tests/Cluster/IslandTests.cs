using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Cluster.Harness;

namespace NoslateFleet.Tests.Cluster;

/// <summary>Real silos, each alone.</summary>
[Collection(nameof(OneAtATime))]
public sealed class IslandTests
{
    [SkippableFact]
    public async Task Two_OneFrozen_TheOtherServes_AndTheThawedOneKeepsItsSilo()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Island, 2);
        await using var serves = new Load(fleet.Instances[0]);
        var frozen = fleet.Instances[1];
        frozen.Freeze();

        // How long it is frozen is what this test is about.
        await Task.Delay(TimeSpan.FromSeconds(5));
        await serves.AnswersAsync(50);
        frozen.Thaw();
        using (var answer = await frozen.Http.GetAsync("/invoke/work"))
        {
            Assert.Equal("ok", await answer.Content.ReadAsStringAsync());
        }

        await serves.StopAsync();
        Assert.Empty(serves.Failures);
        Assert.Equal(0, serves.Count(Seen.Refused));
        Assert.Equal(serves.Count(Seen.Answered), await fleet.Instances[0].ConservedAsync());
        Assert.Equal(1, await frozen.ConservedAsync());
        Assert.DoesNotContain("life 2", frozen.Silo.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task RedisGone_NothingIsLost_AndNobodyRestarts()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Island, 2);
        await using var one = new Load(fleet.Instances[0]);
        await using var two = new Load(fleet.Instances[1]);
        await one.AnswersAsync(20);
        fleet.Redis.Kill();
        await one.AnswersAsync(50);
        await two.AnswersAsync(50);
        await fleet.Redis.StartAgainAsync();
        await one.AnswersAsync(20);
        await one.StopAsync();
        await two.StopAsync();
        Assert.Empty(one.Failures);
        Assert.Empty(two.Failures);
        Assert.Equal(one.Count(Seen.Answered), await fleet.Instances[0].ConservedAsync());
        Assert.Equal(two.Count(Seen.Answered), await fleet.Instances[1].ConservedAsync());
        Assert.All(fleet.Instances, instance => Assert.DoesNotContain("life 2", instance.Silo.Output, StringComparison.Ordinal));
    }
}
