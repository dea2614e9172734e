namespace NoslateFleet.Coordination.Fleet;

/// <summary>How an order ended.</summary>
public enum FleetOrderOutcome
{
    /// <summary>It was carried out.</summary>
    Done,

    /// <summary>It was tried and failed, or its verdict is Forced.</summary>
    Failed,

    /// <summary>It makes no sense as things are: an undrain of an instance that does not drain, an order for another container's life.</summary>
    Refused,

    /// <summary>Its time was over before the instance came to it.</summary>
    Expired,

    /// <summary>A later order took its place.</summary>
    Superseded,
}
