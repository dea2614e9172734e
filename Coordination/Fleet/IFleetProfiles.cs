namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// The profiles that all instances of the fleet apply. What is stored was validated before by who sets it. Where there is none, each
/// instance goes by its own functions file.
/// </summary>
public interface IFleetProfiles
{
    /// <summary>How many versions are kept.</summary>
    const int KeptVersions = 10;

    /// <summary>The present version; null if none was ever set.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    Task<FleetProfile?> ReadAsync(CancellationToken cancellationToken);

    /// <summary>The last versions, newest first; at most <see cref="KeptVersions"/>.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    Task<IReadOnlyList<FleetProfile>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Sets a new version, and tells every instance.</summary>
    /// <param name="json">The functions file's text, validated; null: each instance goes by its own file again.</param>
    /// <param name="by">Who sets it.</param>
    /// <param name="expectedVersion">The version it was made from, 0 for none; null: whatever is there.</param>
    /// <param name="rolledBackTo">The version whose text it repeats; null if it is no roll-back.</param>
    /// <param name="cancellationToken">Gives up; whether it was set is then unknown.</param>
    /// <returns>The new version; null if another one than the expected is there.</returns>
    /// <exception cref="FleetDirectoryException">The directory can't be reached.</exception>
    Task<FleetProfile?> SetAsync(string? json, string by, long? expectedVersion, long? rolledBackTo, CancellationToken cancellationToken);
}
