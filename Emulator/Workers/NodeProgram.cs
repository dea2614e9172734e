using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using NoslateFleet.Emulator.Node;

namespace NoslateFleet.Emulator.Workers;

/// <summary>The <c>node</c> program that runs the workers.</summary>
internal sealed record NodeProgram(string Path, string Version)
{
    private const int MinimumMajor = 18;

    /// <summary>Finds the program and asks its version.</summary>
    public static async Task<NodeProgram> FindAsync(string name, CancellationToken cancel)
    {
        string path = Locate(name) ?? throw Missing(name, "there is no such program");
        var start = new ProcessStartInfo(path, "--version") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        string version;
        try
        {
            using Process process = Process.Start(start) ?? throw Missing(name, "it can't be started");
            version = (await process.StandardOutput.ReadToEndAsync(cancel)).Trim();
            await process.WaitForExitAsync(cancel);
        }
        catch (Win32Exception error)
        {
            throw Missing(name, error.Message);
        }

        string major = version.TrimStart('v').Split('.')[0];
        if (!int.TryParse(major, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            throw Missing(name, "it does not answer --version like Node.js");
        return number < MinimumMajor
            ? throw Missing(name, $"its version is {version}")
            : new NodeProgram(path, version);
    }

    private static EmulatorStartException Missing(string name, string why) => new(
        $"functions run in Node.js {MinimumMajor} or later, but '{name}' can't be used: {why}; install Node.js or name it with --node PATH", true);

    private static string? Locate(string name)
    {
        if (name.Contains('/', StringComparison.Ordinal))
            return File.Exists(name) ? System.IO.Path.GetFullPath(name) : null;
        return (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => System.IO.Path.Combine(directory, name))
            .FirstOrDefault(File.Exists);
    }
}
