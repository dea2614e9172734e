using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace NoslateFleet.Tests.Common;

/// <summary>The image's files in a folder, built once by deploy/layout for all tests that look at them.</summary>
/// <param name="product">What is published: <c>silo</c> or <c>gateway</c>.</param>
public abstract partial class Layout(string product) : IAsyncLifetime, IDisposable
{
    /// <summary>Our layer of the image, compressed, in MiB: at most this.</summary>
    public const double MostMebibytes = 60;

    // A publish compiles the product and fetches the runtime the first time.
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(9);

    private readonly TempDirectory _directory = new();

    /// <summary>The folder.</summary>
    public string Root => _directory.Combine("image");

    /// <summary>The process of the image.</summary>
    public string Program => PathOf(Entrypoint);

    /// <summary>What the image runs, as it is written in it.</summary>
    public string Entrypoint => File.ReadAllText(Path.Combine(Root, "image.entrypoint")).Trim();

    /// <summary>What the image sets in the environment.</summary>
    public IReadOnlyDictionary<string, string> Environment =>
        File.ReadAllLines(Path.Combine(Root, "image.env")).Select(l => l.Split('=', 2)).ToDictionary(l => l[0], l => l[1]);

    /// <summary>What the script said.</summary>
    public string Said { get; private set; } = "";

    /// <summary>The layer's size as the script says it, in MiB, compressed.</summary>
    public double Mebibytes => double.Parse(Size().Match(Said).Groups[1].Value, CultureInfo.InvariantCulture);

    private int ExitCode { get; set; }

    /// <summary>The place in the folder of an absolute path in the image.</summary>
    public string PathOf(string path) => Path.Combine(Root, path.TrimStart('/'));

    /// <summary>Fails the calling test unless the folder could be built, or skips it where the package source has no runtime to publish with.</summary>
    public void Needed()
    {
        if (ExitCode != 0 && Said.Contains("NU110", StringComparison.Ordinal) && Said.Contains(".linux-x64", StringComparison.Ordinal)
            && System.Environment.GetEnvironmentVariable("NOSLATEFLEET_REQUIRE") != "1")
        {
            throw new SkipException("the package source does not have .NET's runtime for linux-x64");
        }

        Assert.True(ExitCode == 0, Said);
    }

    /// <summary>How the image's process is started: no variable of this machine, so that an installed .NET can't help, and in the image's working directory.</summary>
    public ProcessStartInfo Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Program, arguments) { WorkingDirectory = PathOf("/code") };
        start.Environment.Clear();
        foreach (var (name, value) in Environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    /// <summary>Runs the image's process as its health check does.</summary>
    /// <returns>Its exit code and all it said.</returns>
    public async Task<(int Code, string Said)> HealthAsync(params string[] arguments)
    {
        await using var health = new RunningProcess(Start(["health", .. arguments]));
        var code = await health.ExitAsync();
        return (code, health.Output + health.Error);
    }

    public async Task InitializeAsync()
    {
        // Tests that run meanwhile go first: some of them have little time.
        var start = new ProcessStartInfo("nice", ["-n", "10", "bash", "deploy/layout", "--product", product, Root])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(_limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            Said = await output + await error;
            ExitCode = process.ExitCode;
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose()
    {
        _directory.Dispose();
        GC.SuppressFinalize(this);
    }

    [GeneratedRegex(@"^size +([0-9.]+) MiB compressed", RegexOptions.Multiline)]
    private static partial Regex Size();
}

/// <summary>The layout of the program that needs no Orleans package.</summary>
public sealed class GatewayLayout() : Layout("gateway");

/// <summary>The layout of what the image runs.</summary>
public sealed class SiloLayout() : Layout("silo");
