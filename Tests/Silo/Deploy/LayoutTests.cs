using System.Net;
using System.Text.Json;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Silo.Deploy;

/// <summary>The image's files with the process that the image runs: a silo. They are a minute in the making, which the other tests don't wait for.</summary>
[Collection("image")]
public sealed class LayoutTests(SiloLayout layout) : IClassFixture<SiloLayout>
{
    [SkippableFact]
    public void Layer_IsSmallerThanItsLimit_AndHoldsNoCompiler()
    {
        layout.Needed();
        Assert.InRange(layout.Mebibytes, 10, Layout.MostMebibytes);
        Assert.Empty(Directory.GetFiles(layout.PathOf("/opt/noslate-fleet"), "Microsoft.CodeAnalysis*", SearchOption.AllDirectories));
    }

    /// <summary>With grains in every invocation's way, and a silo in the picture of the fleet: nothing that Orleans needs was left out.</summary>
    [SkippableFact]
    public async Task Silo_ServesThroughItsGrainsAndDrainsOnSigterm_WithNothingButItsOwnFiles()
    {
        layout.Needed();
        Requires.Node();
        using var directory = new TempDirectory();
        await using var emulator = new RunningProcess("NoslateFleet.Emulator.dll", directory.Path, ["--workdir", directory.Path]);
        await emulator.SaysAsync("emulator: ready");
        var (port, admin) = (FreePort.Next(), FreePort.Next());
        await using var silo = new RunningProcess(layout.Start(
            $"--Platform:Port={port}", $"--Admin:Port={admin}", "--Node:Workdir=" + directory.Path, "--Node:Supervise=false", "--Platform:Mode=Open",
            "--Functions:Path=" + Repository.PathOf("Emulator", "Functions", "functions.json")));
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        await Until.TrueAsync(
            async () => silo.HasExited
                ? throw new InvalidOperationException("it ended: " + silo.Output + silo.Error)
                : (await layout.HealthAsync($"--Admin:Port={admin}")).Code == 0,
            "its health check does not succeed");
        await silo.SaysAsync(", life 1)");

        var past = await BypassesAsync();
        Assert.Equal("Hello, image!\n", await http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/invoke/hello?name=image")));
        Assert.Equal(past, await BypassesAsync());

        var running = http.GetAsync(new Uri($"http://127.0.0.1:{port}/invoke/slow?ms=1500"));
        await Until.TrueAsync(async () => await InFlightAsync() == 1, "the slow request does not arrive");
        silo.Terminate();
        using var response = await running;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("answered after 1500 ms\n", await response.Content.ReadAsStringAsync());
        Assert.Equal(0, await silo.ExitAsync());

        async Task<double> BypassesAsync() =>
            PrometheusPage.Parse(await http.GetStringAsync(new Uri($"http://127.0.0.1:{admin}/metrics"))).Sum("noslatefleet_invocations_grain_bypass_total");

        async Task<int> InFlightAsync()
        {
            using var functions = JsonDocument.Parse(await http.GetStringAsync(new Uri($"http://127.0.0.1:{admin}/api/functions")));
            return functions.RootElement.GetProperty("invocations").GetProperty("inFlight").GetInt32();
        }
    }
}
