using System.Diagnostics;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Cluster;

/// <summary>The platform in a box with silos, as users run it.</summary>
public sealed class PlatformBoxTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(150);

    [SkippableTheory]
    [InlineData("island", 2)]
    [InlineData("mesh", 2)]
    public async Task ThreeInstances_LoseNothing_AndTheFleetShowsTheTruth(string topology, int seed)
    {
        Requires.Node();
        Requires.Program("setsid");
        Requires.Program("redis-server");
        using var box = Process.Start(new ProcessStartInfo(
            "dotnet",
            [
                PathOf("NoslateFleet.Emulator.dll"), "platform", "--gateway", PathOf("NoslateFleet.Silo.dll"), "--topology", topology,
                "--instances", "3", "--seed", $"{seed}", "--for", "12s",
            ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        using var limit = new CancellationTokenSource(_limit);
        try
        {
            var output = box.StandardOutput.ReadToEndAsync(limit.Token);
            var error = box.StandardError.ReadToEndAsync(limit.Token);
            await box.WaitForExitAsync(limit.Token);
            Assert.True(box.ExitCode == 0, await output + await error);
            Assert.EndsWith("\nplatform: ok\n", await output, StringComparison.Ordinal);
            Assert.Contains("\nok        fleet-view ", await output, StringComparison.Ordinal);
        }
        finally
        {
            if (!box.HasExited)
            {
                // Its watchdog ends the instances and its Redis.
                box.Kill();
            }
        }
    }

    private static string PathOf(string program) => Path.Combine(AppContext.BaseDirectory, program);
}
