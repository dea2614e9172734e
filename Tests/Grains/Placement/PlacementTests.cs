using System.Diagnostics;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Grains.Functions;
using NoslateFleet.Grains.Instances;
using NoslateFleet.Grains.Placement;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Grains.Harness;
using Orleans.Runtime;

namespace NoslateFleet.Tests.Grains.Placement;

/// <summary>Which silo answers for which instance.</summary>
public sealed class PlacementTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Mesh_EachInstanceAnswersForItself_WhoeverAsks()
    {
        await using var first = new TestInstance("pod/1");
        await using var second = new TestInstance("pod/2");
        await first.StartSiloAsync();
        await second.StartSiloAsync(first.SiloPort);
        await Until.TrueAsync(() => KnowsAsync(first, second.Id), "the first never saw the second");
        foreach (var asking in new[] { first, second })
        {
            foreach (var asked in new[] { first, second })
            {
                var report = await Instance(asking, asked.Id).ReportAsync().AsTask().WaitAsync(_patience);
                Assert.Equal((asked.Id, asked.Lifecycle.Identity.Boot), (report.InstanceId, report.Boot));
                Assert.Equal(InstancePhase.Starting, report.State.Phase);
                var function = await Function(asking, asked.Id, "f/g").ReportAsync().AsTask().WaitAsync(_patience);
                Assert.Equal((asked.Id, "f/g"), (function.InstanceId, function.Function));
            }
        }

        // What is done to one by the other is done there.
        Assert.True((await Function(first, second.Id, "f").DrainAsync().AsTask().WaitAsync(_patience)).Draining);
        Assert.True(second.Admission.IsFunctionClosed("f"));
        Assert.False(first.Admission.IsFunctionClosed("f"));

        // A ticket is nobody's but the instance's own.
        var passage = first.Desk.NewPassage(null)!;
        var id = passage.Begin("f", "r", Timeout.InfiniteTimeSpan);
        Assert.Equal(AdmissionDecision.Unknown, await Function(first, second.Id, "f").AdmitAsync(id).AsTask().WaitAsync(_patience));
        Assert.Equal(0, second.Ledger.InFlight);
    }

    [Fact]
    public async Task Island_AnotherInstance_IsRefusedAtOnceByName()
    {
        await using var island = new TestInstance("island-1") { Expected = [TestInstance.NowhereToGo] };
        await island.StartSiloAsync();
        var watch = Stopwatch.StartNew();
        var error = await Assert.ThrowsAsync<InstanceUnreachableException>(
            () => Instance(island, "island-2").ReportAsync().AsTask().WaitAsync(_patience));
        Assert.Contains("'island-2'", error.Message, StringComparison.Ordinal);
        Assert.Contains("'island-1'", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InstanceUnreachableException>(
            () => Function(island, "island-2", "f").DrainAsync().AsTask().WaitAsync(_patience));

        // Milliseconds, unless the machine is busy; far from the half minute of a call that hangs.
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
    }

    [Fact]
    public async Task KeyOfNobody_IsRefused()
    {
        await using var island = new TestInstance { Expected = [TestInstance.NowhereToGo] };
        await island.StartSiloAsync();
        var error = await Assert.ThrowsAnyAsync<Exception>(
            () => island.Grains.GetGrain<IFunctionGrain>("no key").PingAsync().AsTask().WaitAsync(_patience));
        Assert.Contains("'no key'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CollectedByForce_OurGrainsStay()
    {
        await using var instance = new TestInstance();
        await instance.StartSiloAsync();
        await Function(instance, instance.Id, "f").PingAsync();
        await Instance(instance, instance.Id).ReportAsync();
        await instance.Grains.GetGrain<IShortLivedGrain>("s").TouchAsync();
        var management = instance.Grains.GetGrain<IManagementGrain>(0);
        Assert.Equal((1, 1, 1), await CountAsync());

        // The ordinary grain goes: so there was a collection that could have taken ours.
        await Until.TrueAsync(
            async () =>
            {
                await management.ForceActivationCollection(TimeSpan.Zero);
                return (await CountAsync()).Ordinary == 0;
            },
            "nothing was collected");
        Assert.Equal((1, 1, 0), await CountAsync());

        async Task<(int Functions, int Instances, int Ordinary)> CountAsync()
        {
            var all = await management.GetDetailedGrainStatistics();
            return (
                all.Count(g => g.GrainId.Type.ToString() == "noslatefleet.function"),
                all.Count(g => g.GrainId.Type.ToString() == "noslatefleet.instance"),
                all.Count(g => g.GrainId.Type.ToString()!.StartsWith("shortlived", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task LocalDirectory_KeepsItsOwnWord()
    {
        var directory = new LocalGrainDirectory();
        var grain = GrainId.Create("t", "k");
        var silo = SiloAddress.New(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 1), 1);
        var first = new GrainAddress { GrainId = grain, SiloAddress = silo, ActivationId = ActivationId.NewId() };
        var second = new GrainAddress { GrainId = grain, SiloAddress = silo, ActivationId = ActivationId.NewId() };
        Assert.Null(await directory.Lookup(grain));
        Assert.Equal(first, await directory.Register(first));
        Assert.Equal(first, await directory.Register(second));
        Assert.Equal(first, await directory.Lookup(grain));
        await directory.Unregister(second);
        Assert.Equal(first, await directory.Lookup(grain));
        Assert.Equal(second, await directory.Register(second, first));
        await directory.UnregisterSilos([silo]);
        Assert.Null(await directory.Lookup(grain));
        Assert.Equal(first, await directory.Register(first));
        await directory.Unregister(first);
        Assert.Null(await directory.Lookup(grain));
    }

    private static IFunctionGrain Function(TestInstance asking, string instance, string function) =>
        asking.Grains.GetGrain<IFunctionGrain>(GrainKeys.OfFunction(instance, function));

    private static IInstanceGrain Instance(TestInstance asking, string instance) =>
        asking.Grains.GetGrain<IInstanceGrain>(GrainKeys.OfInstance(instance));

    private static Task<bool> KnowsAsync(TestInstance asking, string instance)
    {
        var membership = (IClusterMembershipService)asking.Silo.GetService(typeof(IClusterMembershipService))!;
        return Task.FromResult(membership.CurrentSnapshot.Members.Values.Any(m => m.Name == instance && m.Status == SiloStatus.Active));
    }
}
