using NoslateFleet.Emulator.Cli;
using NoslateFleet.Emulator.Node;

namespace NoslateFleet.Tests.Emulator.Cli;

public sealed class CommandLineTests
{
    [Fact]
    public void Options_WinOverTheEnvironment()
    {
        (CommandLine? line, string? error) = CommandLine.Parse(
            ["--workdir", "/a", "--node", "/n", "--log-dir", "/l", "--echo", "--data-planes", "2", "--control-planes", "3", "--breaker", "--no-back-pressure"],
            name => name is "NOSLATED_WORKDIR" ? "/env" : name is "NOSLATED_DATA_PLANE_COUNT" ? "x" : null);
        Assert.Null(error);
        var options = line!.Options!;
        Assert.Equal(("/a", "/n", "/l"), (options.Workdir, options.NodePath, options.LogDir));
        Assert.Equal((2, 3), (options.DataPlaneCount, options.ControlPlaneCount));
        Assert.Equal((true, true, false), (options.BuiltInEcho, options.CircuitBreaker, options.BackPressure));
    }

    [Fact]
    public void Environment_NamesWhatNoOptionDoes()
    {
        (CommandLine? line, _) = CommandLine.Parse([], name => name switch
        {
            "NOSLATED_WORKDIR" => "/env",
            "NOSLATE_LOGDIR" => "/logs",
            "NOSLATED_DATA_PLANE_COUNT" => "2",
            _ => null,
        });
        var options = line!.Options!;
        Assert.Equal(("/env", "node", "/logs", 2, 1), (options.Workdir, options.NodePath, options.LogDir, options.DataPlaneCount, options.ControlPlaneCount));
        Assert.Equal((false, false, true), (options.BuiltInEcho, options.CircuitBreaker, options.BackPressure));
        Assert.Equal((null, false), (line.Invocations, line.WorkerStartsHang));
    }

    [Theory]
    [InlineData("delay=200", CallFaultKind.Delay)]
    [InlineData("cut=1000", CallFaultKind.Cut)]
    [InlineData("refuse=8", CallFaultKind.Refuse)]
    [InlineData("garbage", CallFaultKind.Garbage)]
    [InlineData("silence", CallFaultKind.Silence)]
    public void Fault_IsRead(string text, object kind)
    {
        (CommandLine? line, string? error) = CommandLine.Parse(["--workdir", "/a", "--fault", text, "--fault", "hang-starts"], _ => null);
        Assert.Null(error);
        Assert.Equal(((CallFaultKind)kind, true), (line!.Invocations!.Kind, line.WorkerStartsHang));
    }

    [Theory]
    [InlineData("dealy=1")]
    [InlineData("delay")]
    [InlineData("delay=x")]
    [InlineData("cut=-1")]
    [InlineData("refuse=17")]
    [InlineData("garbage=1")]
    public void WrongFault_IsNamed(string text)
    {
        (_, string? error) = CommandLine.Parse(["--workdir", "/a", "--fault", text], _ => null);
        Assert.StartsWith($"option --fault has no fault {text}; use delay=MS", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("name the node's directory with --workdir DIR or NOSLATED_WORKDIR")]
    [InlineData("option --workdir needs a value", "--workdir")]
    [InlineData("option --node needs a value", "--node", "")]
    [InlineData("--data-planes (NOSLATED_DATA_PLANE_COUNT) is 17: use 1 to 16", "--workdir", "/a", "--data-planes", "17")]
    [InlineData("unknown option -x; --help lists them", "-x")]
    public void WrongOptions_AreNamed(string expected, params string[] arguments)
    {
        (CommandLine? options, string? error) = CommandLine.Parse(arguments, _ => null);
        Assert.Null(options);
        Assert.Equal(expected, error);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    public void Help_NeedsNothingElse(string option)
    {
        (CommandLine? line, string? error) = CommandLine.Parse([option], _ => null);
        Assert.Null(error);
        Assert.Null(line!.Options);
    }
}
