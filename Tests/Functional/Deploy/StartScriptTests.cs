using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;
using NoslateFleet.Gateway.Configuration;
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
            Program(directory, "env; echo \"args $*\"; echo \"pid $$\"; ls \"$NOSLATED_WORKDIR/socks\"; echo started; exec sleep 100"),
            ("TURFD_COMMAND", $"sh -c 'env >\"{directory.Combine("turfd.env")}\"; exec sleep 100'"),
            ("DATA_PLANE_COMMAND", $"dotnet \"{_emulator}\" --workdir \"{directory.Path}\""),
            ("CONTROL_PLANE_COMMAND", "sleep 100"),
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
            ("TURFD_COMMAND", $"sh -c 'echo $$ >\"{directory.Combine("turfd.pid")}\"; exec sleep 100'"),
            ("DATA_PLANE_COMMAND", $"sh -c 'while [ ! -s \"{directory.Combine("turfd.pid")}\" ]; do :; done; exit 7'"),
            ("CONTROL_PLANE_COMMAND", "sleep 100")));
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
            ("TURFD_COMMAND", "sleep 100"),
            ("DATA_PLANE_COMMAND", "sleep 100"),
            ("CONTROL_PLANE_COMMAND", "sleep 100"),
            ("NOSLATE_FLEET_WAIT", "0")));
        Assert.Equal(1, await script.ExitAsync());
        Assert.Contains($"the planes' sockets are not in {directory.Path}/socks after 0 s", script.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PathsWithSpaces_AreNoTrouble()
    {
        using var outer = new TempDirectory();
        var inner = outer.Combine("a directory with 'quotes' and spaces");
        Directory.CreateDirectory(inner);
        var program = Path.Combine(inner, "our program");
        Executable(program, "#!/bin/sh\necho \"workdir $Node__Workdir\"; echo started; exec sleep 100\n");
        await using var script = new RunningProcess(Start(
            outer,
            program,
            ("NOSLATED_WORKDIR", inner),
            ("TURFD_COMMAND", "sleep 100"),
            ("DATA_PLANE_COMMAND", $"dotnet \"{_emulator}\" --workdir \"$NOSLATED_WORKDIR\""),
            ("CONTROL_PLANE_COMMAND", "sleep 100")));
        try
        {
            await script.SaysAsync("started");
            Assert.Contains("workdir " + inner + "\n", script.Output, StringComparison.Ordinal);
        }
        finally
        {
            script.KillTree();
            await script.ExitAsync();
        }
    }

    /// <summary>Its socket would be taken away from it, and a second one started beside it.</summary>
    [Fact]
    public async Task PlanesThatAnswerAlready_AreLeftAsTheyAre()
    {
        using var directory = new TempDirectory();
        await using var node = new RunningProcess("NoslateFleet.Emulator.dll", directory.Path, ["--workdir", directory.Path]);
        await node.SaysAsync("emulator: ready");
        await using var script = new RunningProcess(Start(
            directory,
            Program(directory, "echo started; exec sleep 100"),
            ("TURFD_COMMAND", "sleep 100"),
            ("DATA_PLANE_COMMAND", "sh -c 'echo a second data plane; exec sleep 100'"),
            ("CONTROL_PLANE_COMMAND", "sh -c 'echo a second control plane; exec sleep 100'")));
        try
        {
            await script.SaysAsync("started");
            Assert.Contains("start.sh: data-plane answers at", script.Error, StringComparison.Ordinal);
            Assert.Contains("start.sh: control-plane answers at", script.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("a second", script.Output, StringComparison.Ordinal);
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(directory.Combine("socks/dp-0.sock")));
        }
        finally
        {
            script.KillTree();
            await script.ExitAsync();
        }
    }

    /// <summary>What a killed plane leaves behind is a file at which nobody answers.</summary>
    [Fact]
    public async Task SocketOfAKilledPlane_IsNotTakenForOneThatAnswers()
    {
        using var directory = new TempDirectory();
        Directory.CreateDirectory(directory.Combine("socks"));
        foreach (var name in new[] { "socks/dp-0.sock", "socks/cp-0.sock" })
        {
            using var stale = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            stale.Bind(new UnixDomainSocketEndPoint(directory.Combine(name)));
        }

        await using var script = new RunningProcess(Start(
            directory,
            Program(directory, "echo started"),
            ("TURFD_COMMAND", "sleep 100"),
            ("DATA_PLANE_COMMAND", "sleep 100"),
            ("CONTROL_PLANE_COMMAND", "sleep 100"),
            ("NOSLATE_FLEET_WAIT", "00")));
        Assert.Equal(1, await script.ExitAsync());
        Assert.Contains("after 0 s", script.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("started", script.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StopWhileItWaits_EndsWhatWasStarted()
    {
        using var directory = new TempDirectory();
        await using var script = new RunningProcess(Start(
            directory,
            Program(directory, "echo started"),
            ("TURFD_COMMAND", $"sh -c 'echo $$ >\"{directory.Combine("turfd.pid")}\"; echo turfd runs; exec sleep 100'"),
            ("DATA_PLANE_COMMAND", "sleep 100"),
            ("CONTROL_PLANE_COMMAND", "sleep 100")));
        await script.SaysAsync("turfd runs");
        script.Terminate();
        Assert.Equal(143, await script.ExitAsync());
        Assert.Contains("start.sh: stopped before the planes were up", script.Error, StringComparison.Ordinal);
        var turfd = (await File.ReadAllTextAsync(directory.Combine("turfd.pid"))).Trim();
        await Until.TrueAsync(() => !IsAlive(turfd), "turfd stays behind");
    }

    [Fact]
    public async Task SignalAndExitCode_AreOurProcesss()
    {
        using var directory = new TempDirectory();
        await using var node = new RunningProcess("NoslateFleet.Emulator.dll", directory.Path, ["--workdir", directory.Path]);
        await node.SaysAsync("emulator: ready");
        await using var script = new RunningProcess(Start(
            directory,
            Program(directory, "trap 'echo drained; exit 7' TERM; echo started; while :; do sleep 0.05; done"),
            ("TURFD_COMMAND", "sh -c 'exec sleep 100 >/dev/null 2>&1'")));
        await script.SaysAsync("started");
        var left = Supervision.ProcessView.DescendantsOf(script.Id).Select(one => one.Id).ToArray();
        script.Terminate();
        Assert.Equal(7, await script.ExitAsync());
        Assert.Contains("drained", script.Output, StringComparison.Ordinal);
        Array.ForEach(left, id => NoslateFleet.Gateway.Supervision.ProcessTable.Signal(id, NoslateFleet.Gateway.Supervision.ProcessTable.SigKill));
    }

    /// <summary>Our process takes the shell's children over with its place, and nobody else can reap them.</summary>
    [Fact]
    public async Task PlaneThatDiesLater_IsReapedByOurProcess()
    {
        using var directory = new TempDirectory();
        var (port, admin) = (FreePort.Next(), FreePort.Next());
        var gateway = Path.Combine(AppContext.BaseDirectory, "NoslateFleet.Gateway.dll");
        await using var script = new RunningProcess(Start(
            directory,
            Program(directory, $"exec dotnet \"{gateway}\" --Platform:Mode=Open --Platform:Port={port} --Admin:Port={admin}"),
            ("TURFD_COMMAND", "sh -c 'exec sleep 100 >/dev/null 2>&1'"),
            ("DATA_PLANE_COMMAND", $"dotnet \"{_emulator}\" --workdir \"{directory.Path}\""),
            ("CONTROL_PLANE_COMMAND", "sh -c 'exec sleep 100 >/dev/null 2>&1'")));
        try
        {
            await script.SaysAsync("Connected to dp-0");
            var left = Supervision.ProcessView.ChildrenOf(script.Id);
            Assert.Equal(3, left.Count);
            foreach (var child in left)
            {
                NoslateFleet.Gateway.Supervision.ProcessTable.Signal(child.Id, NoslateFleet.Gateway.Supervision.ProcessTable.SigKill);
            }

            await Until.TrueAsync(() => Supervision.ProcessView.ChildrenOf(script.Id).Count == 0, "a zombie stays");
            script.Terminate();
            Assert.Equal(0, await script.ExitAsync());
        }
        finally
        {
            script.KillTree();
            await script.ExitAsync();
        }
    }

    [Theory]
    [InlineData("NOSLATE_FLEET_WAIT", "-1", "must be a whole number of seconds")]
    [InlineData("NOSLATE_FLEET_WAIT", "99999999999999999999", "must be a whole number of seconds")]
    [InlineData("NOSLATE_FLEET_PROGRAM", "/tmp", "there is no program /tmp")]
    [InlineData("NOSLATE_FLEET_WAIT", "soon", "NOSLATE_FLEET_WAIT = \"soon\": must be a whole number of seconds")]
    [InlineData("NOSLATE_FLEET_PROGRAM", "/nowhere/Silo", "there is no program /nowhere/Silo")]
    public async Task WrongSetting_IsNamed(string name, string value, string message)
    {
        using var directory = new TempDirectory();
        await using var script = new RunningProcess(Start(directory, Program(directory, "echo started"), (name, value)));
        Assert.Equal(2, await script.ExitAsync());
        Assert.Contains(message, script.Error, StringComparison.Ordinal);
    }

    /// <summary>One truth in two places: what the script runs is what Node:Supervise runs.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Commands_AreThoseOfTheSupervisor(bool withNode)
    {
        using var directory = new TempDirectory();
        var (bin, path) = (directory.Combine("bin"), directory.Combine("path"));
        Directory.CreateDirectory(bin);
        Directory.CreateDirectory(path);

        // Each writes down how it was called, a word a line, and stays.
        var body = $"#!/bin/sh\ncase \"$*\" in *data_plane) part=data ;; *control_plane) part=control ;; *) part=turfd ;; esac\n" +
            $"printf '%s\\n' \"$0\" \"$@\" >\"{directory.Path}/$part.part\" && mv \"{directory.Path}/$part.part\" \"{directory.Path}/$part.words\"\nexec sleep 100\n";
        Executable(Path.Combine(bin, "turf"), body);
        Executable(Path.Combine(path, "node"), body);
        if (withNode)
        {
            Executable(Path.Combine(bin, "node"), body);
        }

        var supervised = GatewayOptionsLoader.Load(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["NOSLATE_BIN"] = bin,
            ["Node:Workdir"] = directory.Path,
        }).Build()).Supervision;
        await using var script = new RunningProcess(Start(
            directory,
            Program(directory, "echo started"),
            ("NOSLATE_BIN", bin),
            ("PATH", path + ":" + Environment.GetEnvironmentVariable("PATH"))));
        try
        {
            foreach (var (part, command) in new[]
            {
                ("turfd", supervised.TurfdCommand), ("data", supervised.DataPlaneCommand), ("control", supervised.ControlPlaneCommand),
            })
            {
                var words = directory.Combine(part + ".words");
                await Until.TrueAsync(() => File.Exists(words), $"{part} is not started: {script.Error}");
                var program = command[0] == "node" ? Path.Combine(path, "node") : command[0];
                string[] expected = [program, .. command.Skip(1)];
                Assert.Equal(expected, await File.ReadAllLinesAsync(words));
            }
        }
        finally
        {
            script.KillTree();
            await script.ExitAsync();
        }
    }

    private static bool IsAlive(string pid) =>
        File.Exists($"/proc/{pid}/stat") && File.ReadAllText($"/proc/{pid}/stat").Split(')')[^1].Trim()[0] != 'Z';

    private static string Program(TempDirectory directory, string body)
    {
        var path = directory.Combine("program");
        Executable(path, $"#!/bin/sh\n{body}\n");
        return path;
    }

    private static void Executable(string path, string text)
    {
        File.WriteAllText(path, text);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
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
