using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Cluster.Harness;

namespace NoslateFleet.Tests.Cluster;

/// <summary>Real silos that reach each other.</summary>
[Collection(nameof(OneAtATime))]
public sealed class MeshTests
{
    [SkippableFact]
    public async Task Three_AllServe_WhileOneIsKilled_AndOneLeaves_AndComesBack()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Mesh, 3);
        await using var stays = new Load(fleet.Instances[0]);
        await using var leaves = new Load(fleet.Instances[1]);
        await stays.AnswersAsync(50);
        await leaves.AnswersAsync(50);
        await fleet.Instances[2].KillAsync();
        await stays.AnswersAsync(50);
        await fleet.Instances[1].TerminateAsync();
        await stays.AnswersAsync(50);
        await fleet.Instances[1].StartSiloAsync();
        await fleet.Instances[1].UpAsync();
        await leaves.AnswersAsync(50);
        await stays.StopAsync();
        await leaves.StopAsync();
        Assert.Empty(stays.Failures);
        Assert.Empty(leaves.Failures);
        Assert.Equal(0, stays.Count(Seen.Refused));
        Assert.Equal(stays.Count(Seen.Answered), await fleet.Instances[0].ConservedAsync());
        await fleet.Instances[1].ConservedAsync();
    }

    /// <summary>Evicted by the others, it serves at once after the thaw, and its silo joins again by itself, in the same process.</summary>
    [SkippableFact]
    public async Task FrozenPastItsEviction_ItServesAfterTheThaw_AndRejoins_InTheSameProcess()
    {
        await using var fleet = await SiloFleet.StartAsync(FleetTopology.Mesh, 3);
        var frozen = fleet.Instances[2];
        var process = frozen.Silo.Id;
        await using var others = new Load(fleet.Instances[0]);
        frozen.Freeze();

        // How long it is frozen is what this test is about: evicted after 4.7 s, as measured.
        await Task.Delay(TimeSpan.FromSeconds(10));
        frozen.Thaw();
        using (var answer = await frozen.Http.GetAsync("/invoke/work"))
        {
            Assert.Equal("ok", await answer.Content.ReadAsStringAsync());
        }

        await frozen.UpAsync(life: 2);
        Assert.Equal((process, false), (frozen.Silo.Id, frozen.Silo.HasExited));
        await others.AnswersAsync(50);
        await others.StopAsync();
        Assert.Empty(others.Failures);
        Assert.Equal(0, others.Count(Seen.Refused));
        await fleet.Instances[0].ConservedAsync();
        Assert.Equal(1, await frozen.ConservedAsync());
    }
}
