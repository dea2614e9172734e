namespace NoslateFleet.Coordination.Fleet;

/// <summary>What the profile follower has done by the instance.</summary>
public interface IFleetProfileWork
{
    /// <summary>Applies the fleet's profiles, or the instance's own file again.</summary>
    /// <param name="json">The functions file's text; null: the instance's own file.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null once the node has them; else what is wrong with them, in words. Then the node keeps those it has.</returns>
    Task<string?> ApplyAsync(string? json, CancellationToken cancellationToken);
}
