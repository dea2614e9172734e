namespace NoslateFleet.Emulator.ControlPlane;

/// <summary>Finds the directory that a profile's url names.</summary>
internal static class CodeDirectory
{
    private const string FileScheme = "file://";

    /// <exception cref="LaunchException">There is no such directory, or the url is not a file's.</exception>
    public static string Ensure(string url)
    {
        if (url.StartsWith("http://", StringComparison.Ordinal) || url.StartsWith("https://", StringComparison.Ordinal))
        {
            throw LaunchException.Code(
                $"the emulator downloads nothing; unpack {url} and name the directory (file:///dir), or use a real Noslate node");
        }

        if (!url.StartsWith(FileScheme, StringComparison.Ordinal))
            throw LaunchException.Code($"invalid url {url}");
        string path = url[FileScheme.Length..];
        if (!Path.IsPathRooted(path) || !Directory.Exists(path))
            throw LaunchException.Code($"ENOENT: no such file or directory, stat '{path}'");
        return Directory.ResolveLinkTarget(path, true)?.FullName ?? Path.GetFullPath(path);
    }
}
