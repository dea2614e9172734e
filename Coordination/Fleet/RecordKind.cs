namespace NoslateFleet.Coordination.Fleet;

/// <summary>What an instance leaves in the directory beside its snapshots.</summary>
public enum RecordKind
{
    /// <summary>The receipt of a hook.</summary>
    Receipt,

    /// <summary>An event of the flight recorder.</summary>
    RecorderEvent,
}
