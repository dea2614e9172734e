using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Cluster.Harness;

namespace NoslateFleet.Tests.Cluster;

/// <summary>Real silos that reach each other.</summary>
[Collection(nameof(OneAtATime))]
public sealed class MeshTests
{
    private const int Count = 3;

    private static readonly string[] _quick = ["--Fleet:HeartbeatInterval=500ms", "--Fleet:LostAfter=2s", "--Fleet:IdleHeartbeatInterval=1s"];

    [SkippableFact]
    public async Task OneKilledAtWork_ThenAllRestartedInTurnUnderLoad_NothingFailsButWhatIsDeclared_AndTheViewTellsEach()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Mesh, Count, _quick);
        var killed = fleet.Instances[2];
        await using var one = new Load(fleet.Instances[0]);
        await using var two = new Load(fleet.Instances[1]);
        var calm = await Calm.OfAsync(one);
        _ = await killed.BeginWorkAsync("long");
        await fleet.Instances[0].SeesAsync(killed, static seen => seen is { InFlight: 1, Ending: false }, "at work");
        await killed.KillAsync();
        calm.Holds(await Calm.OfAsync(one));
        await fleet.Instances[0].SeesAsync(killed, Standing.Lost);
        await killed.StartSiloAsync();
        await killed.UpAsync();
        await fleet.Instances[0].SeesAsync(killed, Standing.Active);

        await using var three = new Load(killed);
        Load[] loads = [one, two, three];
        for (var i = 0; i < Count; i++)
        {
            var (leaves, stays) = (fleet.Instances[i], (i + 1) % Count);
            calm = await Calm.OfAsync(loads[stays]);
            var disturbed = Calm.OfAsync(loads[stays]);
            await leaves.TerminateAsync();
            calm.Holds(await disturbed);
            await fleet.Instances[stays].SeesAsync(leaves, Standing.Stopped);
            await leaves.StartSiloAsync();
            await leaves.UpAsync();
            await loads[i].AnswersAsync(20);
            await fleet.Instances[stays].SeesAsync(leaves, Standing.Active);
        }

        foreach (var (instance, load) in fleet.Instances.Zip(loads))
        {
            await load.StopAsync();
            Assert.Empty(load.Failures);
            Assert.False(instance.Silo.HasExited);
            await instance.ConservedAsync();
        }
    }

    /// <summary>
    /// After a short freeze it goes on as if nothing had been. Evicted by the others, it serves at once after the thaw, and its silo joins again by
    /// itself, in the same process. Who starts meanwhile serves, and joins once the others have given the frozen one up.
    /// </summary>
    [SkippableFact]
    public async Task Frozen_ShortlyAndPastItsEviction_ItServesAfterTheThaw_AndRejoins_InTheSameProcess()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Mesh, Count, _quick);
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
        await fleet.Instances[0].SeesAsync(frozen, Standing.Quiet);
        var joiner = await fleet.AddAsync();
        await joiner.UpAsync();
        Assert.False(frozenFor.IsCompleted, "it joined only after the thaw");
        await frozenFor;
        await frozen.ThawAndServeAsync();
        await frozen.UpAsync(life: 2);
        await fleet.Instances[0].SeesAsync(frozen, Standing.Active);
        Assert.Equal((process, false), (frozen.Silo.Id, frozen.Silo.HasExited));

        await others.AnswersAsync(50);
        await others.StopAsync();
        Assert.Empty(others.Failures);
        Assert.Equal(0, others.Count(Seen.Refused));
        Assert.Equal(others.Count(Seen.Answered), await fleet.Instances[0].ConservedAsync());
        Assert.Equal(4, await frozen.ConservedAsync());
        Assert.All(fleet.Instances, instance => Assert.False(instance.Silo.HasExited));
    }

    /// <summary>While Redis is silent, nothing changes; when it has lost all it knew, each silo notices and joins anew, in the same process.</summary>
    [SkippableFact]
    public async Task RedisSilent_ThenGone_ThenBackEmpty_InvocationsGoOn_AndAllJoinAnew()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Mesh, Count, [.. _quick, "--Silo:RowCheckInterval=1s"]);
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
