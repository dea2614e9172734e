using NoslateFleet.Emulator.Cli;

namespace NoslateFleet.Tests.Emulator.Cli;

public sealed class CommandLineTests
{
    [Fact]
    public void Options_WinOverTheEnvironment()
    {
        (CommandLine? options, string? error) = CommandLine.Parse(
            ["--workdir", "/a", "--node", "/n", "--log-dir", "/l", "--echo"], name => name == "NOSLATED_WORKDIR" ? "/env" : null);
        Assert.Null(error);
        Assert.Equal(new CommandLine("/a", "/n", "/l", true, false), options);
    }

    [Fact]
    public void Environment_NamesWorkdirAndLogDir()
    {
        (CommandLine? options, _) = CommandLine.Parse([], name => name switch
        {
            "NOSLATED_WORKDIR" => "/env",
            "NOSLATE_LOGDIR" => "/logs",
            _ => null,
        });
        Assert.Equal(new CommandLine("/env", "node", "/logs", false, false), options);
    }

    [Theory]
    [InlineData("name the node's directory with --workdir DIR or NOSLATED_WORKDIR")]
    [InlineData("option --workdir needs a value", "--workdir")]
    [InlineData("option --node needs a value", "--node", "")]
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
    public void Help_NeedsNothingElse(string option) => Assert.True(CommandLine.Parse([option], _ => null).Options?.Help);
}
