using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Grains.Instances;
using NoslateFleet.Grains.Placement;
using NoslateFleet.Silo.Configuration;
using Orleans;

namespace NoslateFleet.Silo.Commands;

/// <summary>An order by an instance's grain. Whoever gives it is an Orleans client: a silo that comes and goes would disturb the cluster.</summary>
internal static class MeshOrder
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    /// <summary>Gives the order.</summary>
    /// <param name="settings">The fleet's settings.</param>
    /// <param name="instance">The instance.</param>
    /// <param name="kind">What to do.</param>
    /// <param name="by">Who wants it.</param>
    /// <param name="output">Where the answer goes.</param>
    /// <param name="errors">Where it is told what went wrong.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> GiveAsync(
        SiloSettings settings, string instance, FleetOrderKind kind, string by, TextWriter output, TextWriter errors)
    {
        using var patience = new CancellationTokenSource(_patience);
        try
        {
            await using var client = new MeshClient(settings);
            var grain = (await client.ConnectAsync(patience.Token)).GetGrain<IInstanceGrain>(GrainKeys.OfInstance(instance));
            var (done, said) = await GiveAsync(grain, kind, by, patience.Token);
            await (done ? output : errors).WriteLineAsync($"order: {instance}: {said}");
            return done ? 0 : Tool.Failed;
        }
        catch (Exception error)
        {
            await errors.WriteLineAsync($"order: {instance} can't be reached through the cluster: {error.Message}");
            return Tool.Failed;
        }
    }

    private static async Task<(bool Done, string Said)> GiveAsync(IInstanceGrain grain, FleetOrderKind kind, string by, CancellationToken cancellationToken)
    {
        switch (kind)
        {
            case FleetOrderKind.Drain:
                await grain.DrainAsync(by).AsTask().WaitAsync(cancellationToken);
                return (true, "drains; the command fleet tells how it goes on");
            case FleetOrderKind.Undrain:
                return await grain.UndrainAsync(by).AsTask().WaitAsync(cancellationToken)
                    ? (true, "serves again")
                    : (false, "there is no drain to undo");
            default:
                return await grain.FlushAsync(cancellationToken).WaitAsync(cancellationToken) is { } trouble ? (false, trouble) : (true, "flushed");
        }
    }
}
