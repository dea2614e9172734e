namespace NoslateFleet.Coordination.Fleet;

/// <summary>What an instance can be ordered to do.</summary>
public enum FleetOrderKind
{
    /// <summary>Drain: end what runs, take nothing new, stay there stopped.</summary>
    Drain,

    /// <summary>Undo a drain: serve again.</summary>
    Undrain,

    /// <summary>Send out held-back telemetry and the recorder, and publish a snapshot.</summary>
    Flush,

    /// <summary>Something that only a newer version knows: this one refuses it.</summary>
    Unknown,
}
