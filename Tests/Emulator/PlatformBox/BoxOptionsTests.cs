using NoslateFleet.Emulator.PlatformBox;

namespace NoslateFleet.Tests.Emulator.PlatformBox;

public sealed class BoxOptionsTests
{
    private static readonly string Gateway = typeof(BoxOptionsTests).Assembly.Location;

    [Fact]
    public void Nothing_IsThreeInstancesOfFc3ForAMinute()
    {
        (BoxOptions? options, string? error) = BoxOptions.Parse(["--gateway", Gateway]);
        Assert.Null(error);
        Assert.Equal(
            (3, PlatformVersion.Fc3, 1UL, TimeSpan.FromSeconds(60), int.MaxValue, "node", Gateway),
            (options!.Instances, options.Version, options.Seed, options.For, options.Requests, options.Node, options.Gateway));
    }

    [Fact]
    public void Options_AreReadWithAndWithoutEqualsSign()
    {
        (BoxOptions? options, _) = BoxOptions.Parse(
            [
                "--instances=5", "--version", "fc2", "--seed=18446744073709551615", "--for", "1.5m", "--requests=7", "--node", "/n",
                "--print-schedule",
            ]);
        Assert.Equal(
            (5, PlatformVersion.Fc2, ulong.MaxValue, TimeSpan.FromSeconds(90), 7, "/n", true),
            (options!.Instances, options.Version, options.Seed, options.For, options.Requests, options.Node, options.PrintSchedule));
    }

    [Theory]
    [InlineData("standalone")]
    [InlineData("island")]
    [InlineData("mesh")]
    public void Topology_IsReadAndLeavesTheScheduleAsItIs(string topology)
    {
        (BoxOptions? options, _) = BoxOptions.Parse(["--print-schedule", "--topology", topology]);
        Assert.Equal(topology, options!.Topology.ToString().ToLowerInvariant());
        Assert.Equal(Schedule.Of(new BoxOptions()).Hash, Schedule.Of(options).Hash);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    public void Help_NeedsNothingElse(string option) => Assert.True(BoxOptions.Parse([option]).Options!.Help);

    [Fact]
    public void Help_TellsEveryOption() => Assert.All(
        ["--instances", "--version", "--topology", "--seed", "--for", "--requests", "--print-schedule", "--gateway", "--node", "--help"],
        option => Assert.Contains(option, BoxOptions.HelpText, StringComparison.Ordinal));

    [Theory]
    [InlineData("60s", 60_000)]
    [InlineData("2m", 120_000)]
    [InlineData("500ms", 500)]
    [InlineData("0.5h", 1_800_000)]
    public void Time_IsRead(string text, int milliseconds)
    {
        Assert.True(BoxOptions.TryTime(text, out TimeSpan time));
        Assert.Equal(milliseconds, time.TotalMilliseconds);
    }

    [Theory]
    [InlineData("option --instances is '0': use 1 to 32", "--instances", "0")]
    [InlineData("option --instances is '33': use 1 to 32", "--instances=33")]
    [InlineData("option --version is 'fc4': use fc2 or fc3", "--version", "fc4")]
    [InlineData("option --topology is 'ring': use standalone, island or mesh", "--topology", "ring")]
    [InlineData("option --seed is '-1': use a whole number from 0", "--seed", "-1")]
    [InlineData("option --for is '60': use a time of at most a day, such as 500ms, 60s or 2m", "--for", "60")]
    [InlineData("option --for is '0s': use a time of at most a day, such as 500ms, 60s or 2m", "--for", "0s")]
    [InlineData("option --for is '25h': use a time of at most a day, such as 500ms, 60s or 2m", "--for", "25h")]
    [InlineData("option --requests is '1e3': use 1 to 10000000", "--requests", "1e3")]
    [InlineData("option --gateway is '/no/such': there is no such file", "--gateway", "/no/such")]
    [InlineData("option --seed needs a value", "--seed")]
    [InlineData("option --seed needs a value", "--seed=")]
    [InlineData("unknown option --seeds=1; --help lists them", "--seeds=1")]
    [InlineData("unknown option 60s; --help lists them", "60s")]
    [InlineData("name the gateway's program with --gateway; ./run platform does it for you", "--seed", "1")]
    public void WrongOption_IsNamed(string expected, params string[] arguments)
    {
        (BoxOptions? options, string? error) = BoxOptions.Parse(arguments);
        Assert.Null(options);
        Assert.Equal(expected, error);
    }
}
