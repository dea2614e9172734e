using System.Diagnostics;
using System.Globalization;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Functional.Gateway;

namespace NoslateFleet.Tests.Functional.Deploy;

/// <summary>deploy/start.sh in a plain shell, the emulator as the planes.</summary>
public sealed class StartScriptTests
{
    private static readonly string _emulator = Path.Combine(AppContext.BaseDirectory, "NoslateFleet.Emulator.dll");

    /// <summary>Debian's /bin/sh is dash, which knows no bash.</summary>
    [Fact]
    public async Task Node_IsUpBeforeOurProcess_WhichTakesTheShellsPlace_AndGetsNoCredentials()
    {
        using var directory = new TempDirectory();
        await using var script = new RunningProcess(Start(
            directory,
            Program(directory, "env; echo \"args $*\"; echo \"pid $$\"; ls \"$NOSLATED_WORKDIR/socks\"; echo started; exec sleep 1000"),
            ("TURFD_COMMAND", $"sh -c 'env >\"{directory.Combine("turfd.env")}\"; exec sleep 1000'"),
            ("DATA_PLANE_COMMAND", $"dotnet \"{_emulator}\" --workdir \"{directory.Path}\""),
            ("CONTROL_PLANE_COMMAND", "sleep 1000"),
            ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "a-secret"),
            ("Gateway__Admin__Token", "a-token")));
        try
        {
            await script.SaysAsync("started");
            var said = script.Output.Split('\n');
            Assert.Contains("Node__Supervise=false", said);
            Assert.Contains("Node__Workdir=" + directory.Path, said);
            Assert.Contains("args --Platform:Port=1234 two words", said);
            Assert.Contains("dp-0.sock", said);
            Assert.Contains("cp-0.sock", said);

            // Signals of the container reach our process because it has the shell's id.
            Assert.Contains("pid " + script.Id.ToString(CultureInfo.InvariantCulture), said);
            Assert.Contains("Gateway__Admin__Token=a-token", said);
            var node = await File.ReadAllTextAsync(directory.Combine("turfd.env"));
            Assert.Contains("NOSLATED_WORKDIR=" + directory.Path, node, StringComparison.Ordinal);
            Assert.DoesNotContain("a-secret", node, StringComparison.Ordinal);
            Assert.DoesNotContain("a-token", node, StringComparison.Ordinal);
        }
        finally
        {
            script.KillTree();
            await script.ExitAsync();
        }
    }

    [Fact]
    public async Task PlaneThatEnds_IsNamed_AndNothingStaysBehind()
    {
        using var directory = new TempDirectory();
        await using var script = new RunningProcess(Start(
            directory,
            Program(directory, "echo started"),
            ("TURFD_COMMAND", $"sh -c 'echo $$ >\"{directory.Combine("turfd.pid")}\"; exec sleep 1000'"),
            ("DATA_PLANE_COMMAND", $"sh -c 'while [ ! -s \"{directory.Combine("turfd.pid")}\" ]; do :; done; exit 7'"),
            ("CONTROL_PLANE_COMMAND", "sleep 1000")));
        Assert.Equal(1, await script.ExitAsync());
        Assert.Contains("start.sh: data-plane ended before the planes were up", script.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("started", script.Output, StringComparison.Ordinal);
        var turfd = (await File.ReadAllTextAsync(directory.Combine("turfd.pid"))).Trim();
        await Until.TrueAsync(() => !IsAlive(turfd), "turfd stays behind");
    }

    [Fact]
    public async Task SocketsThatDoNotAppear_EndTheWait()
    {
        using var directory = new TempDirectory();
        await using var script = new RunningProcess(Start(
            directory,
            Program(directory, "echo started"),
            ("TURFD_COMMAND", "sleep 1000"),
            ("DATA_PLANE_COMMAND", "sleep 1000"),
            ("CONTROL_PLANE_COMMAND", "sleep 1000"),
            ("NOSLATE_FLEET_WAIT", "0")));
        Assert.Equal(1, await script.ExitAsync());
        Assert.Contains($"the planes' sockets are not in {directory.Path}/socks after 0 s", script.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("NOSLATE_FLEET_WAIT", "soon", "NOSLATE_FLEET_WAIT = \"soon\": must be a whole number of seconds")]
    [InlineData("NOSLATE_FLEET_PROGRAM", "/nowhere/Silo", "there is no program /nowhere/Silo")]
    public async Task WrongSetting_IsNamed(string name, string value, string message)
    {
        using var directory = new TempDirectory();
        await using var script = new RunningProcess(Start(directory, Program(directory, "echo started"), (name, value)));
        Assert.Equal(2, await script.ExitAsync());
        Assert.Contains(message, script.Error, StringComparison.Ordinal);
    }

    private static bool IsAlive(string pid) =>
        File.Exists($"/proc/{pid}/stat") && File.ReadAllText($"/proc/{pid}/stat").Split(')')[^1].Trim()[0] != 'Z';

    private static string Program(TempDirectory directory, string body)
    {
        var path = directory.Combine("program");
        File.WriteAllText(path, $"#!/bin/sh\n{body}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return path;
    }

    private static ProcessStartInfo Start(TempDirectory directory, string program, params (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo("/bin/sh", [Repository.PathOf("deploy", "start.sh"), "--Platform:Port=1234", "two words"]);
        start.Environment["NOSLATE_WORKDIR"] = directory.Combine("noslate");
        start.Environment["NOSLATED_WORKDIR"] = directory.Path;
        start.Environment["NOSLATE_FLEET_PROGRAM"] = program;
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        return start;
    }
}
