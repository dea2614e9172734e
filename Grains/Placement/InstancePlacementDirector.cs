using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace NoslateFleet.Grains.Placement;

/// <summary>
/// Finds the silo of an instance by its name: a silo is named as its instance. Reads what this silo knows of the cluster, and asks
/// nobody, so that a grain of this instance is placed whatever happens elsewhere.
/// </summary>
internal sealed class InstancePlacementDirector(ILocalSiloDetails local, IClusterMembershipService membership) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var key = target.GrainIdentity.Key.ToString();
        if (!GrainKeys.TryParse(key, out var instance, out _))
        {
            return Task.FromException<SiloAddress>(new ArgumentException($"'{key}' is not the key of an instance or of a function on one"));
        }

        if (string.Equals(instance, local.Name, StringComparison.Ordinal))
        {
            return Task.FromResult(local.SiloAddress);
        }

        SiloAddress? found = null;
        foreach (var member in membership.CurrentSnapshot.Members.Values)
        {
            // Of two silos of one name the younger is meant: the other is the silo's life before, not yet known to be over.
            if (member.Status == SiloStatus.Active
                && string.Equals(member.Name, instance, StringComparison.Ordinal)
                && (found is null || member.SiloAddress.Generation > found.Generation))
            {
                found = member.SiloAddress;
            }
        }

        // An exception of our own: Orleans tries again for some time what it takes for passing.
        return found is not null
            ? Task.FromResult(found)
            : Task.FromException<SiloAddress>(new InstanceUnreachableException(
                $"Instance '{instance}' has no active silo that instance '{local.Name}' knows: "
                + "it has left, or instances of its topology can't reach each other. What the fleet directory knows of it can still be read."));
    }
}
