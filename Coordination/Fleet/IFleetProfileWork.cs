namespace NoslateFleet.Coordination.Fleet;

/// <summary>What the profile follower has done by the instance.</summary>
public interface IFleetProfileWork
{
    /// <summary>Goes by the fleet's profiles from now on, or by the instance's own file again. Called one at a time.</summary>
    /// <param name="json">The functions file's text; null: the instance's own file.</param>
    /// <returns>Null if it does; else what is wrong with the text, in words. Then nothing has changed.</returns>
    string? Apply(string? json);
}
