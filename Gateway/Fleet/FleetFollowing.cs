using Microsoft.Extensions.Hosting;
using NoslateFleet.Coordination.Fleet;

namespace NoslateFleet.Gateway.Fleet;

/// <summary>Starts and ends what this instance does for its fleet: it follows the fleet's profiles and takes its orders.</summary>
internal sealed class FleetFollowing(ProfileFollower profiles, OrderRunner orders) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Neither waits for the directory.
        profiles.Start();
        orders.Start();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await orders.DisposeAsync();
        await profiles.DisposeAsync();
    }
}
