using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Cluster.Harness;

namespace NoslateFleet.Tests.Cluster;

/// <summary>Real silos that reach each other.</summary>
[Collection(nameof(OneAtATime))]
public sealed class MeshTests
{
    private const int Count = 3;

    [SkippableFact]
    public async Task OneKilled_ThenAllOthersRestartedInTurn_NothingFailsButWhatIsDeclared()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Mesh, Count);
        await using var one = new Load(fleet.Instances[0]);
        await using var two = new Load(fleet.Instances[1]);
        var calm = await Calm.OfAsync(one);
        await fleet.Instances[2].KillAsync();
        calm.Holds(await Calm.OfAsync(one));
        await fleet.Instances[2].StartSiloAsync();
        await fleet.Instances[2].UpAsync();

        await using var three = new Load(fleet.Instances[2]);
        Load[] loads = [one, two, three];
        foreach (var (instance, load) in fleet.Instances.Zip(loads))
        {
            await load.AnswersAsync(20);
            await instance.TerminateAsync();
            await instance.StartSiloAsync();
            await instance.UpAsync();
            await load.AnswersAsync(20);
        }

        foreach (var (instance, load) in fleet.Instances.Zip(loads))
        {
            await load.StopAsync();
            Assert.Empty(load.Failures);
            Assert.False(instance.Silo.HasExited);
            await instance.ConservedAsync();
        }
    }

    /// <summary>The others notice nothing of a leave, and of a silo that comes back.</summary>
    [SkippableFact]
    public async Task OneLeavesUnderLoad_TheOthersServeAsBefore()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Mesh, Count);
        await using var stays = new Load(fleet.Instances[0]);
        await using var leaves = new Load(fleet.Instances[1]);
        var calm = await Calm.OfAsync(stays);
        var disturbed = Calm.OfAsync(stays);
        await fleet.Instances[1].TerminateAsync();
        calm.Holds(await disturbed);
        await fleet.Instances[2].SeesAsync(fleet.Instances[1], Standing.Stopped);
        await leaves.StopAsync();
        await stays.StopAsync();
        Assert.Empty(stays.Failures);
        Assert.Empty(leaves.Failures);
        Assert.Equal(0, stays.Count(Seen.Refused));
        Assert.Equal(stays.Count(Seen.Answered), await fleet.Instances[0].ConservedAsync());
        Assert.False(fleet.Instances[2].Silo.HasExited);
    }

    /// <summary>
    /// After a short freeze it goes on as if nothing had been. Evicted by the others, it serves at once after the thaw, and its silo joins again by
    /// itself, in the same process. Who starts meanwhile serves, and joins once the others have given the frozen one up.
    /// </summary>
    [SkippableFact]
    public async Task Frozen_ShortlyAndPastItsEviction_ItServesAfterTheThaw_AndRejoins_InTheSameProcess()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Mesh, Count);
        var frozen = fleet.Instances[2];
        var process = frozen.Silo.Id;
        await using var others = new Load(fleet.Instances[0]);
        var calm = await Calm.OfAsync(others);
        frozen.Freeze();
        var disturbed = Calm.OfAsync(others);

        // How long it is frozen is what this test is about.
        await Task.Delay(Outage.ShortFreeze);
        await frozen.ThawAndServeAsync();
        calm.Holds(await disturbed);
        Assert.DoesNotContain("life 2", frozen.Silo.Output, StringComparison.Ordinal);

        frozen.Freeze();
        var frozenFor = Task.Delay(Outage.PastEviction);
        calm.Holds(await Calm.OfAsync(others));
        var joiner = await fleet.AddAsync();
        await joiner.UpAsync();
        Assert.False(frozenFor.IsCompleted, "it joined only after the thaw");
        await frozenFor;
        await frozen.ThawAndServeAsync();
        await frozen.UpAsync(life: 2);
        Assert.Equal((process, false), (frozen.Silo.Id, frozen.Silo.HasExited));

        await others.AnswersAsync(50);
        await others.StopAsync();
        Assert.Empty(others.Failures);
        Assert.Equal(0, others.Count(Seen.Refused));
        Assert.Equal(others.Count(Seen.Answered), await fleet.Instances[0].ConservedAsync());
        Assert.Equal(2, await frozen.ConservedAsync());
        Assert.All(fleet.Instances, instance => Assert.False(instance.Silo.HasExited));
    }

    /// <summary>While Redis is silent, nothing changes; when it has lost all it knew, each silo notices and joins anew, in the same process.</summary>
    [SkippableFact]
    public async Task RedisSilent_ThenGone_ThenBackEmpty_InvocationsGoOn_AndAllJoinAnew()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Mesh, Count, "--Silo:RowCheckInterval=1s");
        Load[] loads = [.. fleet.Instances.Select(static instance => new Load(instance, clients: 1))];
        var calm = await Calm.OfAsync(loads[0]);
        fleet.Redis.Freeze();
        var disturbed = Calm.OfAsync(loads[0]);

        // How long it is away is what this test is about.
        await Task.Delay(Outage.OfRedis);
        fleet.Redis.Thaw();
        calm.Holds(await disturbed);
        Assert.All(fleet.Instances, instance => Assert.DoesNotContain("life 2", instance.Silo.Output, StringComparison.Ordinal));

        fleet.Redis.Kill();
        calm.Holds(await Calm.OfAsync(loads[0]));
        await fleet.Redis.StartAgainAsync();
        foreach (var (instance, load) in fleet.Instances.Zip(loads))
        {
            await instance.UpAsync(life: 2);
            await fleet.Instances[0].SeesAsync(instance, Standing.Active);
            await load.DisposeAsync();
            Assert.Empty(load.Failures);
            Assert.Equal(0, load.Count(Seen.Refused));
            Assert.Equal(load.Count(Seen.Answered), await instance.ConservedAsync());
            Assert.False(instance.Silo.HasExited);
        }
    }
}
