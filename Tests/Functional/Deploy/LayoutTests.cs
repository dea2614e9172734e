using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Reflection.PortableExecutable;
using System.Text;
using System.Text.Json;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Functional.Gateway;

namespace NoslateFleet.Tests.Functional.Deploy;

/// <summary>The image's files: what is in them, and that they run with nothing else, the emulator's planes in place of Noslate's.</summary>
public sealed class LayoutTests(GatewayLayout layout) : IClassFixture<GatewayLayout>
{
    [SkippableFact]
    public void Layer_IsSmallerThanItsLimit_AndSaysItsSize()
    {
        layout.Needed();
        Assert.InRange(layout.Mebibytes, 10, Layout.MostMebibytes);
    }

    [SkippableFact]
    public void Files_AreReadyToRunUntrimmedAndReadableByAnyUser()
    {
        layout.Needed();
        var home = layout.PathOf("/opt/noslate-fleet");
        using (var gateway = new PEReader(File.OpenRead(Path.Combine(home, "NoslateFleet.Gateway.dll"))))
        {
            Assert.NotEqual(0, gateway.PEHeaders.CorHeader!.ManagedNativeHeaderDirectory.Size);
        }

        // Nothing of the product uses these two: trimming would have taken them.
        Assert.True(File.Exists(Path.Combine(home, "System.Data.Common.dll")));
        Assert.True(File.Exists(Path.Combine(home, "Microsoft.AspNetCore.Mvc.Core.dll")));
        Assert.Single(Directory.GetFiles(home, "appsettings*.json", SearchOption.AllDirectories));
        Assert.Empty(Directory.GetFiles(home, "*.pdb"));
        if (!OperatingSystem.IsWindows())
        {
            foreach (var file in Directory.GetFiles(home))
            {
                Assert.True((File.GetUnixFileMode(file) & UnixFileMode.OtherRead) != 0, file);
            }

            Assert.True((File.GetUnixFileMode(layout.Program) & UnixFileMode.OtherExecute) != 0);
            Assert.True((File.GetUnixFileMode(Path.Combine(home, "start.sh")) & UnixFileMode.OtherExecute) != 0);
        }
    }

    /// <summary>The base image has no ICU; names of cultures such as zh-CN must work all the same.</summary>
    [SkippableFact]
    public void Cultures_NeedNoIcuAndAreNotLimited()
    {
        layout.Needed();
        using var settings = JsonDocument.Parse(File.ReadAllText(layout.PathOf("/opt/noslate-fleet/NoslateFleet.Gateway.runtimeconfig.json")));
        var options = settings.RootElement.GetProperty("runtimeOptions");
        Assert.True(options.GetProperty("configProperties").GetProperty("System.Globalization.Invariant").GetBoolean());
        Assert.False(options.GetProperty("configProperties").GetProperty("System.Globalization.PredefinedCulturesOnly").GetBoolean());
        Assert.True(options.TryGetProperty("includedFrameworks", out _));
    }

    [SkippableFact]
    public void Folder_AgreesWithTheDockerfile()
    {
        layout.Needed();
        var file = Dockerfile.Read();
        Assert.Equal($"[\"{layout.Entrypoint}\"]", Assert.Single(file.LastStage("ENTRYPOINT")));
        Assert.Equal(file.Environment, layout.Environment);
        Assert.True(File.Exists(layout.Program));

        // All that the image takes is there, and at the same places.
        Assert.Equal(["/layout/opt/ /opt/", "/layout/code/ /code/"], file.LastStage("COPY").Select(c => c.Replace("--from=build ", "", StringComparison.Ordinal)));
        Assert.True(Directory.Exists(layout.PathOf("/opt")));
        Assert.True(Directory.Exists(layout.PathOf(Assert.Single(file.LastStage("WORKDIR")))));
    }

    [SkippableFact]
    public async Task Program_ServesAnswersItsHealthCheckAndDrainsOnSigterm_WithNothingButItsOwnFiles()
    {
        layout.Needed();
        Requires.Node();
        using var directory = new TempDirectory();
        await using var emulator = new RunningProcess("NoslateFleet.Emulator.dll", directory.Path, ["--workdir", directory.Path]);
        await emulator.SaysAsync("emulator: ready");
        var (port, admin) = (FreePort.Next(), FreePort.Next());
        string[] settings = [$"--Admin:Port={admin.ToString(CultureInfo.InvariantCulture)}"];

        Assert.Equal(1, (await layout.HealthAsync(settings)).Code);
        await using var program = new RunningProcess(layout.Start(
            [
                .. settings, $"--Platform:Port={port.ToString(CultureInfo.InvariantCulture)}", "--Node:Workdir=" + directory.Path, "--Node:Supervise=false",
                "--Platform:Mode=Open", "--Functions:Path=" + Repository.PathOf("Emulator", "Functions", "functions.json"),
            ]));
        await Until.TrueAsync(
            async () => program.HasExited ? throw new InvalidOperationException("it ended: " + program.Output + program.Error) : (await layout.HealthAsync(settings)).Code == 0,
            "its health check does not succeed");
        Assert.Equal(0, (await layout.HealthAsync(["live", .. settings])).Code);

        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        using (var echo = await http.PostAsync("/invoke/echo", new StringContent("函数计算", Encoding.UTF8)))
        {
            Assert.Equal("函数计算", await echo.Content.ReadAsStringAsync());
        }

        var running = http.GetAsync("/invoke/slow?ms=1500");
        await Until.TrueAsync(async () => await InFlightAsync(http, admin) == 1, "the slow request does not arrive");
        program.Terminate();
        using var response = await running;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("answered after 1500 ms\n", await response.Content.ReadAsStringAsync());
        Assert.Equal(0, await program.ExitAsync());
        Assert.Equal(1, (await layout.HealthAsync(settings)).Code);
    }

    [SkippableFact]
    public async Task HealthVerb_NamesWrongUse()
    {
        layout.Needed();
        var (code, said) = await layout.HealthAsync(["wealthy"]);
        Assert.Equal(2, code);
        Assert.Contains("\"wealthy\" is none; use health, health ready or health live", said, StringComparison.Ordinal);
        (code, said) = await layout.HealthAsync(["--Admin:Port=no"]);
        Assert.Equal(2, code);
        Assert.Contains("Admin:Port = \"no\"", said, StringComparison.Ordinal);
    }

    private static async Task<int> InFlightAsync(HttpClient http, int admin)
    {
        using var functions = JsonDocument.Parse(await http.GetStringAsync(new Uri($"http://127.0.0.1:{admin}/api/functions")));
        return functions.RootElement.GetProperty("invocations").GetProperty("inFlight").GetInt32();
    }
}
