namespace NoslateFleet.Tests.Common;

/// <summary>Programs that a test needs from its machine. A test that calls these is a [SkippableFact].</summary>
public static class Requires
{
    /// <summary>Set to 1 where everything must be there, so that nothing is skipped unseen.</summary>
    private const string MustHave = "NOSLATEFLEET_REQUIRE";

    /// <summary>Skips the calling test unless Node.js is installed.</summary>
    /// <returns>The path of the program.</returns>
    public static string Node() => Program("node");

    /// <summary>Skips the calling test unless the program is in PATH; fails it instead when NOSLATEFLEET_REQUIRE is 1.</summary>
    /// <param name="name">The program's file name.</param>
    /// <returns>The path of the program.</returns>
    public static string Program(string name)
    {
        string? path = (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, name))
            .FirstOrDefault(File.Exists);
        if (path is not null)
            return path;
        throw Missing($"the program '{name}' is not installed");
    }

    /// <summary>Skips the calling test unless the folder exists; fails it instead when NOSLATEFLEET_REQUIRE is 1.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="what">What is in it, and what installs it.</param>
    public static void Folder(string path, string what)
    {
        if (!Directory.Exists(path))
            throw Missing($"{what} is not installed");
    }

    private static SkipException Missing(string message)
    {
        if (Environment.GetEnvironmentVariable(MustHave) == "1")
            Assert.Fail($"{message}, and {MustHave}=1 forbids to skip");
        return new SkipException(message);
    }
}
