namespace NoslateFleet.Coordination.Fleet;

/// <summary>How far this instance follows the fleet's profiles. Cheap to read.</summary>
public interface IFleetProfileState
{
    /// <summary>The version of the fleet's profiles that it goes by; null while it goes by its own file.</summary>
    long? Version { get; }

    /// <summary>Why the newest version could not be applied, in words; null if it was, or there is none.</summary>
    string? Error { get; }
}
