namespace NoslateFleet.Coordination.Fleet;

/// <summary>Which profiles the node has.</summary>
/// <param name="Version">Their version; null while it has none.</param>
/// <param name="FleetVersion">The version of the fleet's profiles; null while the node goes by the instance's own file.</param>
/// <param name="FleetError">Why the fleet's newest profiles could not be applied; null if they were, or there are none.</param>
public readonly record struct AppliedProfiles(string? Version, long? FleetVersion, string? FleetError);
