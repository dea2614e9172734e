namespace NoslateFleet.Tests.Common;

/// <summary>Finds files of the repository that the tests were built from.</summary>
public static class Repository
{
    public static string Root { get; } = Find();

    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string Find()
    {
        for (var directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (File.Exists(Path.Combine(directory, "Orleans.sln")))
            {
                return directory;
            }
        }

        throw new InvalidOperationException("The tests must be run from within the repository.");
    }
}
