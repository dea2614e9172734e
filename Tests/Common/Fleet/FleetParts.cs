using NoslateFleet.Coordination.Fleet;

namespace NoslateFleet.Tests.Common.Fleet;

/// <summary>The four faces of one fleet directory.</summary>
/// <param name="Directory">Snapshots and records.</param>
/// <param name="Orders">Orders.</param>
/// <param name="Profiles">Profiles.</param>
/// <param name="Notices">Notices.</param>
public sealed record FleetParts(IFleetDirectory Directory, IFleetOrders Orders, IFleetProfiles Profiles, IFleetNotices Notices);
