namespace NoslateFleet.Coordination.Fleet;

/// <summary>What somebody who listens to the fleet is told. A hint to read, never the thing itself: it may be lost or come twice.</summary>
public enum FleetNotice
{
    /// <summary>The listener may have missed anything: it has just begun to listen, or its connection came back.</summary>
    Anything,

    /// <summary>Snapshots have changed.</summary>
    Snapshots,

    /// <summary>There is an order for the instance listened for.</summary>
    Order,

    /// <summary>The fleet's profiles have changed.</summary>
    Profiles,
}
