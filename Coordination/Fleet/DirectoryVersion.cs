namespace NoslateFleet.Coordination.Fleet;

/// <summary>A point in a directory's life.</summary>
/// <param name="Directory">Which directory: a random id that it gets when it begins empty. Empty: none, the reader knows nothing yet.</param>
/// <param name="Number">Counts its changes.</param>
public readonly record struct DirectoryVersion(string Directory, long Number)
{
    /// <summary>That of a reader who knows nothing.</summary>
    public static DirectoryVersion None => new("", 0);
}
