namespace NoslateFleet.Coordination.Fleet;

/// <summary>How an instance belongs to a fleet.</summary>
public enum FleetTopology
{
    /// <summary>It shares nothing: the fleet view is this instance.</summary>
    Standalone,

    /// <summary>Instances can't reach each other and may be frozen: they share the fleet directory alone, and are silent while idle.</summary>
    Island,

    /// <summary>Instances reach each other and are not frozen: they say that they live also while idle.</summary>
    Mesh,
}
