namespace NoslateFleet.Coordination.Fleet;

/// <summary>Whether something stored in the fleet directory could be read.</summary>
public enum FleetReading
{
    /// <summary>It could.</summary>
    Read,

    /// <summary>It is no JSON, is too long, or lacks what it must have.</summary>
    Damaged,

    /// <summary>It is of a schema that this version does not know, and lacks what this version must have.</summary>
    UnknownSchema,
}
