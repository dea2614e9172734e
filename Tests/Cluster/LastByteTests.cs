using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Cluster.Harness;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Cluster;

/// <summary>A platform that freezes an instance the moment the client has its answer.</summary>
[Collection(nameof(OneAtATime))]
public sealed class LastByteTests
{
    private const int Instances = 5;
    private const int Each = 20;

    /// <summary>
    /// The directory has been told of the work, as it outlived a heartbeat; that it has ended has to be on its way before the last byte is. With a
    /// length told, and without.
    /// </summary>
    [SkippableFact]
    public async Task FrozenAtTheLastByte_OneHundredTimes_NeverShownLost()
    {
        await using var fleet = await SiloFleet.StartAsync(
            FleetTopology.Island, Instances + 1, "--Fleet:HeartbeatInterval=200ms", "--Fleet:PublishInterval=100ms", "--Fleet:LostAfter=1s");
        var viewer = fleet.Instances[Instances];
        await Task.WhenAll(fleet.Instances.Take(Instances).Select(async frozen =>
        {
            for (var i = 0; i < Each; i++)
            {
                await RoundAsync(viewer, frozen, $"work-{i}", head: i % 2 == 1);
            }

            Assert.Equal(Each, await frozen.ConservedAsync());
        }));
        Assert.All(fleet.Instances, instance => Assert.False(instance.Silo.HasExited));
    }

    private static async Task RoundAsync(SiloInstance viewer, SiloInstance frozen, string work, bool head)
    {
        var begun = await frozen.BeginWorkAsync(work, head);
        await viewer.SeesAsync(frozen, seen => seen is { InFlight: 1, Ending: false }, "at work");
        frozen.EndWork(work);
        using var response = await begun;
        await using (var body = await response.Content.ReadAsStreamAsync())
        {
            var buffer = new byte[64];
            while (await body.ReadAsync(buffer) > 0)
            {
            }

            frozen.Freeze();
        }

        try
        {
            await Until.TrueAsync(
                async () => await viewer.SeesAsync(frozen) is { } seen
                    && (seen.Standing == Standing.Lost ? throw new InvalidOperationException($"{frozen.Id} is shown as Lost, at {work}") : seen.Standing == Standing.Quiet),
                $"{frozen.Id} does not fall quiet");
        }
        finally
        {
            frozen.Thaw();
        }
    }
}
