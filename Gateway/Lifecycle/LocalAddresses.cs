using System.Net;
using System.Net.NetworkInformation;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>Tells whether a peer sits in this very container.</summary>
internal static class LocalAddresses
{
    /// <summary>Whether an address is loopback or one of this machine's own. Asks the system each time: addresses come and go.</summary>
    /// <param name="address">A peer's address; null counts as own, since nothing proves the contrary.</param>
    public static bool IsOwn(IPAddress? address)
    {
        if (address is null || IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
        {
            return true;
        }

        foreach (var card in NetworkInterface.GetAllNetworkInterfaces())
        {
            foreach (var own in card.GetIPProperties().UnicastAddresses)
            {
                if (SameHost(own.Address, address))
                {
                    return true;
                }
            }
        }

        return false;
    }

    // The zone of a link-local IPv6 address tells the card, not the host.
    private static bool SameHost(IPAddress one, IPAddress other) =>
        one.AddressFamily == other.AddressFamily && one.GetAddressBytes().AsSpan().SequenceEqual(other.GetAddressBytes());
}
