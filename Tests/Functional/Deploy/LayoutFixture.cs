using System.Diagnostics;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Functional.House;

namespace NoslateFleet.Tests.Functional.Deploy;

/// <summary>The image's files in a folder, built once by deploy/layout for all tests that look at them.</summary>
public sealed class LayoutFixture : IAsyncLifetime, IDisposable
{
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

    public async Task InitializeAsync()
    {
        var start = Scripts.StartInfo(["bash", "deploy/layout", "--product", "gateway", Root]);
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

    public void Dispose() => _directory.Dispose();
}
