namespace NoslateFleet.Coordination.Fleet;

/// <summary>How this process belongs to a fleet.</summary>
/// <param name="Topology">The topology.</param>
public sealed record FleetMembership(FleetTopology Topology);
