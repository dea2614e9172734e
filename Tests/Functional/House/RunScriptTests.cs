using System.Net;
using System.Net.Sockets;
using System.Text;
using NoslateFleet.Emulator.PlatformBox;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>./run: what it refuses, with one clear line each, and that it starts and stops everything.</summary>
public sealed class RunScriptTests
{
    private static readonly string _run = Repository.PathOf("run");

    [Fact]
    public async Task Help_TellsEveryOption()
    {
        var said = await Scripts.RunAsync(["bash", _run, "--help"]);
        Assert.Equal(0, said.ExitCode);
        Assert.All(
            ["--port", "--admin-port", "--functions", "--workdir", "--no-build", "--verbose", "--help"],
            option => Assert.Contains(option, said.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Help_TellsOfThePlatformInABox_WhoseHelpTellsTheOptionsOfItsProgram()
    {
        Assert.Contains("./run platform", (await Scripts.RunAsync(["bash", _run, "--help"])).Output, StringComparison.Ordinal);
        var said = await Scripts.RunAsync(["bash", _run, "platform", "--seed", "1", "--help"]);
        Assert.Equal((0, ""), (said.ExitCode, said.Error));

        // The gateway's path is the script's own affair.
        var options = BoxOptions.HelpText.Split('\n').Select(line => line.Trim().Split(' ')[0]).Where(word => word.StartsWith("--", StringComparison.Ordinal));
        Assert.All(options.Where(option => option != "--gateway").Append("--no-build"), option => Assert.Contains($" {option} ", said.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Platform_SdkMissing_IsOneClearLine()
    {
        using var tools = new Toolbox();
        await RefusedAsync(tools, ["platform"], 1, ".NET SDK was not found", "install the .NET 10 SDK");
    }

    [Fact]
    public async Task Platform_CompileError_IsShownAndNothingIsStarted()
    {
        using var tools = new Toolbox().With(
            "dotnet", "case $1 in --version) echo 10.0.100;; restore) ;; *) echo \"$PWD/Emulator/Program.cs(1,1): error CS1002: ; expected [$PWD/Emulator/Emulator.csproj]\"; exit 1;; esac");
        var said = await RunAsync(tools, ["platform"]);
        Assert.Equal((1, "Nothing was started.\n"), (said.ExitCode, said.Error));
        Assert.Contains("\nEmulator/Program.cs(1,1): error CS1002: ; expected\n", said.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Platform_WrongOption_IsNamed_ExitCode2()
    {
        Skip.IfNot(File.Exists(Repository.PathOf("Emulator", "bin", "Release", "net10.0", "NoslateFleet.Emulator.dll")), "there is no Release build");
        var said = await Scripts.RunAsync(["bash", _run, "platform", "--no-build", "--instances", "many"]);
        Assert.Equal((2, "", "platform: option --instances is 'many': use 1 to 32\n"), (said.ExitCode, said.Output, said.Error));
    }

    [Fact]
    public async Task SdkMissing_IsOneClearLine()
    {
        using var tools = new Toolbox();
        await RefusedAsync(tools, [], 1, ".NET SDK was not found", "install the .NET 10 SDK");
    }

    [Fact]
    public async Task SdkTooOld_IsOneClearLineWithItsVersion()
    {
        using var tools = new Toolbox().WithSdk("9.0.300");
        await RefusedAsync(tools, [], 1, "9.0.300", "version 10 or later");
    }

    [Fact]
    public async Task SdkRefusedByGlobalJson_IsOneClearLineWithWhatIsInstalled()
    {
        using var tools = new Toolbox().With(
            "dotnet", "case $1 in --list-sdks) echo '8.0.100 [/sdk]'; echo '9.0.300 [/sdk]';; *) echo 'A compatible .NET SDK was not found.' >&2; exit 145;; esac");
        await RefusedAsync(tools, [], 1, "installed: 8.0.100, 9.0.300", "install the .NET 10 SDK");
    }

    [Fact]
    public async Task NodeMissing_IsOneClearLine()
    {
        using var tools = new Toolbox().WithSdk("10.0.100");
        await RefusedAsync(tools, [], 1, "Node.js was not found", "--workdir");
    }

    [Fact]
    public async Task WorkdirWithoutNode_IsOneClearLine()
    {
        using var tools = new Toolbox().WithSdk("10.0.100");
        await RefusedAsync(tools, ["--workdir", "/nowhere"], 1, "no Noslate node in /nowhere", "NOSLATED_WORKDIR");
    }

    [Fact]
    public async Task FunctionsFileMissing_IsOneClearLine()
    {
        using var tools = new Toolbox().WithSdk("10.0.100").With("node", "exit 0");
        await RefusedAsync(tools, ["--functions", "nowhere.json"], 1, "no functions file", "/nowhere.json");
    }

    [Theory]
    [InlineData("--port")]
    [InlineData("--admin-port")]
    public async Task PortTaken_IsOneClearLineWithItsOption(string option)
    {
        using var tools = new Toolbox().WithSdk("10.0.100").With("node", "exit 0");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var functions = Path.Combine(tools.Path, "functions.json");
        await File.WriteAllTextAsync(functions, "{}");

        var other = option == "--port" ? "--admin-port" : "--port";
        await RefusedAsync(tools, ["--functions", functions, option, $"{port}", other, $"{FreePort.Next()}"], 1, $"Port {port} is taken", option);
    }

    [Theory]
    [InlineData("--port", "0")]
    [InlineData("--port", "65536")]
    [InlineData("--admin-port", "http")]
    [InlineData("--admin-port", "")]
    public async Task PortThatIsNone_IsOneClearLine(string option, string value)
    {
        using var tools = new Toolbox();
        await RefusedAsync(tools, [option, value], 2, option, "1 to 65535", $"'{value}'");
    }

    [Fact]
    public async Task SamePortTwice_IsOneClearLine()
    {
        using var tools = new Toolbox();
        await RefusedAsync(tools, ["--port=9001"], 2, "--port", "--admin-port", "9001", "must differ");
    }

    [Theory]
    [InlineData("--nope")]
    [InlineData("--nope=1")]
    [InlineData("nope")]
    public async Task UnknownOption_IsOneClearLine(string option)
    {
        using var tools = new Toolbox();
        await RefusedAsync(tools, [option], 2, "unknown option", "--help");
    }

    [Fact]
    public async Task RestoreError_IsShownAndNothingIsStarted()
    {
        using var tools = new Toolbox().With("node", "exit 0").With(
            "dotnet", "case $1 in --version) echo 10.0.100;; *) echo \"$PWD/Noslate/Noslate.csproj : error NU1101: Unable to find package Google.Protobuf. [$PWD/Orleans.sln]\"; exit 1;; esac");
        var said = await RunAsync(tools, ["--port", $"{FreePort.Next()}", "--admin-port", $"{FreePort.Next()}", "--functions", _run]);
        Assert.Equal(1, said.ExitCode);
        Assert.Contains("\nNoslate/Noslate.csproj : error NU1101: Unable to find package Google.Protobuf.\n", said.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("left out", said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CompileError_IsShownAndNothingIsStarted()
    {
        using var tools = new Toolbox().With("node", "exit 0").With(
            "dotnet", "case $1 in --version) echo 10.0.100;; restore) ;; *) echo \"$PWD/Gateway/Program.cs(1,1): error CS1002: ; expected [$PWD/Gateway/Gateway.csproj]\"; exit 1;; esac");
        var said = await RunAsync(tools, ["--port", $"{FreePort.Next()}", "--admin-port", $"{FreePort.Next()}", "--functions", _run]);
        Assert.Equal(1, said.ExitCode);
        Assert.Contains("\nGateway/Program.cs(1,1): error CS1002: ; expected\n", said.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Run_ServesTheSamplesAndStopsEverythingOnCtrlC()
    {
        Requires.Node();
        Skip.IfNot(
            File.Exists(Repository.PathOf("Gateway", "bin", "Release", "net10.0", "NoslateFleet.Gateway.dll"))
            && File.Exists(Repository.PathOf("Emulator", "bin", "Release", "net10.0", "NoslateFleet.Emulator.dll")),
            "./run starts the Release build, and there is none: run ./test");

        var before = await Scripts.HeedingInterruptAsync();
        var port = FreePort.Next();
        var adminPort = FreePort.Next();
        using var run = System.Diagnostics.Process.Start(
            Scripts.StartInfo([.. before, "bash", _run, "--no-build", "--port", $"{port}", "--admin-port", $"{adminPort}"]))!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var said = new StringBuilder();
        try
        {
            var error = run.StandardError.ReadToEndAsync(limit.Token);
            while (await run.StandardOutput.ReadLineAsync(limit.Token) is { } line)
            {
                said.AppendLine(line);
                if (line.StartsWith("Ctrl+C", StringComparison.Ordinal))
                {
                    break;
                }
            }

            Assert.True(said.ToString().Contains($"curl 'http://127.0.0.1:{port}/invoke/hello?name=you'", StringComparison.Ordinal), $"{said}{(run.HasExited ? await error : "")}");
            using var client = new HttpClient();
            Assert.Equal("Hello, you!\n", await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/invoke/hello?name=you"), limit.Token));

            Assert.Equal(0, (await Scripts.RunAsync(["bash", "-c", $"kill -INT {run.Id}"])).ExitCode);
            said.Append(await run.StandardOutput.ReadToEndAsync(limit.Token));
            await run.WaitForExitAsync(limit.Token);
            Assert.Equal((0, ""), (run.ExitCode, await error));
        }
        finally
        {
            if (!run.HasExited)
            {
                // Not SIGKILL: the script must still stop what it has started.
                await Scripts.RunAsync(["bash", "-c", $"kill -TERM {run.Id}"]);
                run.WaitForExit(TimeSpan.FromSeconds(50));
            }
        }

        Assert.EndsWith("stopped\n", said.ToString(), StringComparison.Ordinal);
        var node = said.ToString().Split('\n').Single(line => line.StartsWith("node ", StringComparison.Ordinal))["node".Length..].Trim();
        Assert.False(Directory.Exists(Path.GetDirectoryName(node)), "its temporary directory is still there");
        Assert.DoesNotContain(CommandLines(), line => line.Contains(node, StringComparison.Ordinal));
    }

    private static async Task RefusedAsync(Toolbox tools, string[] arguments, int exitCode, params string[] words)
    {
        var said = await RunAsync(tools, arguments);
        Assert.Equal((exitCode, ""), (said.ExitCode, said.Output));
        Assert.Single(said.Error.TrimEnd('\n').Split('\n'));
        Assert.All(words, word => Assert.Contains(word, said.Error, StringComparison.Ordinal));
    }

    private static Task<Said> RunAsync(Toolbox tools, string[] arguments) => Scripts.RunAsync(["bash", _run, .. arguments], tools.Path);

    /// <summary>The command lines of all processes, where the system shows them as files.</summary>
    private static IEnumerable<string> CommandLines()
    {
        foreach (var process in Directory.Exists("/proc") ? Directory.EnumerateDirectories("/proc") : [])
        {
            string line;
            try
            {
                line = File.ReadAllText(Path.Combine(process, "cmdline"));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // No process, or one that has just ended.
                continue;
            }

            yield return line;
        }
    }
}
