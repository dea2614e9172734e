using System.Collections.Concurrent;
using Orleans.GrainDirectory;
using Orleans.Runtime;

namespace NoslateFleet.Grains.Placement;

/// <summary>
/// Where this silo's own activations are, and nobody else's: placement tells whose a grain is, so no other silo need be asked, and none
/// that is slow or dead can hold up an activation.
/// </summary>
internal sealed class LocalGrainDirectory : IGrainDirectory
{
    /// <summary>The name by which grains choose it.</summary>
    public const string Name = "noslatefleet.local";

    private readonly ConcurrentDictionary<GrainId, GrainAddress> _addresses = new();

    public Task<GrainAddress?> Register(GrainAddress address) => Register(address, previousAddress: null);

    public Task<GrainAddress?> Register(GrainAddress address, GrainAddress? previousAddress)
    {
        var registered = _addresses.AddOrUpdate(
            address.GrainId,
            static (_, given) => given.address,
            static (_, present, given) => given.previousAddress is not null && given.previousAddress.Matches(present) ? given.address : present,
            (address, previousAddress));
        return Task.FromResult<GrainAddress?>(registered);
    }

    public Task Unregister(GrainAddress address)
    {
        if (_addresses.TryGetValue(address.GrainId, out var present) && present.Matches(address))
        {
            _addresses.TryRemove(new KeyValuePair<GrainId, GrainAddress>(address.GrainId, present));
        }

        return Task.CompletedTask;
    }

    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult(_addresses.GetValueOrDefault(grainId));

    public Task UnregisterSilos(List<SiloAddress> siloAddresses)
    {
        foreach (var (grain, address) in _addresses)
        {
            if (address.SiloAddress is { } silo && siloAddresses.Contains(silo))
            {
                _addresses.TryRemove(new KeyValuePair<GrainId, GrainAddress>(grain, address));
            }
        }

        return Task.CompletedTask;
    }
}
