using System.Diagnostics;
using System.Text;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>What a finished command said.</summary>
internal sealed record Said(int ExitCode, string Output, string Error)
{
    public string LastLine => Output.TrimEnd('\n').Split('\n')[^1];
}

/// <summary>Runs the repository's scripts.</summary>
internal static class Scripts
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    /// <summary>Runs a command in the repository to its end.</summary>
    /// <param name="command">Program and arguments.</param>
    /// <param name="path">PATH; null for this process's own.</param>
    public static async Task<Said> RunAsync(IReadOnlyList<string> command, string? path = null)
    {
        using var process = Process.Start(StartInfo(command, path))!;
        using var limit = new CancellationTokenSource(_limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return new Said(process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    public static ProcessStartInfo StartInfo(IReadOnlyList<string> command, string? path = null)
    {
        var start = new ProcessStartInfo(Find(command[0]) ?? command[0], command.Skip(1))
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        if (path is not null)
        {
            start.Environment["PATH"] = path;
        }

        return start;
    }

    /// <summary>What to put before a command that must heed SIGINT: who starts the tests in the background may have it ignored, which is handed on to all below.</summary>
    public static async Task<string[]> HeedingInterruptAsync()
    {
        string[] heeding = ["env", "--default-signal=INT"];
        return (await RunAsync([.. heeding, "true"])).ExitCode == 0 ? heeding : [];
    }

    /// <summary>The full path of a program on the PATH; null if there is none.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Where(directory => directory.Length > 0)
            .Select(directory => Path.Combine(directory, program))
            .FirstOrDefault(File.Exists);
}
