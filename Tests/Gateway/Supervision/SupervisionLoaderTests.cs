using Microsoft.Extensions.Configuration;
using NoslateFleet.Gateway.Configuration;

namespace NoslateFleet.Tests.Gateway.Supervision;

public sealed class SupervisionLoaderTests
{
    private static GatewayOptions Load(params (string Key, string Value)[] values) =>
        GatewayOptionsLoader.Load(new ConfigurationBuilder()
            .AddInMemoryCollection(values.Append(("Node:Workdir", "/tmp/n")).DistinctBy(v => v.Item1).Select(v => KeyValuePair.Create(v.Item1, (string?)v.Item2)))
            .Build());

    private static IReadOnlyList<string> Errors(params (string Key, string Value)[] values) =>
        Assert.Throws<ConfigurationErrorsException>(() => Load([("Node:Supervise", "true"), .. values])).Errors;

    [Fact]
    public void ByDefault_NothingIsSupervisedOrHeld()
    {
        var options = Load();
        Assert.False(options.Supervision.Supervise);
        Assert.False(options.Node.Hold);
        Assert.Equal(TimeSpan.FromSeconds(60), options.Lifecycle.Budgets.Stop);
    }

    [Fact]
    public void Defaults_AreThoseOfTheImage()
    {
        var options = Load(("Node:Supervise", "true"), ("NOSLATE_BIN", "/opt/n/bin"), ("TURF_WORKDIR", "/w/turf"), ("NOSLATE_LOGDIR", "/w/logs"));
        Assert.True(options.Node.Hold);
        Assert.Equal(["/opt/n/bin/turf", "-D", "-f"], options.Supervision.TurfdCommand);
        Assert.Equal("/w/turf/turf.sock", options.Supervision.TurfdSocket);
        Assert.Equal(["node", "/opt/n/bin/data_plane"], options.Supervision.DataPlaneCommand);
        Assert.Equal(["node", "/opt/n/bin/control_plane"], options.Supervision.ControlPlaneCommand);
        Assert.Equal(("/tmp/n", "/w/turf", "/w/logs"),
            (options.Supervision.Environment["NOSLATED_WORKDIR"], options.Supervision.Environment["TURF_WORKDIR"], options.Supervision.Environment["NOSLATE_LOGDIR"]));
        var bare = Load(("Node:Supervise", "true"));
        Assert.Equal("/usr/local/noslate/bin/turf", bare.Supervision.TurfdCommand[0]);
        Assert.Equal("/.noslate/turf/turf.sock", bare.Supervision.TurfdSocket);
    }

    [Fact]
    public void Commands_AreOneTextOrWords_AndTurfdMayBeNone()
    {
        var options = Load(
            ("Node:Supervise", "true"), ("Node:TurfdCommand", "none"), ("Node:DataPlaneCommand", "run  this -x"),
            ("Node:ControlPlaneCommand:0", "sh"), ("Node:ControlPlaneCommand:1", "-c"), ("Node:ControlPlaneCommand:2", "a b"));
        Assert.Empty(options.Supervision.TurfdCommand);
        Assert.Equal(["run", "this", "-x"], options.Supervision.DataPlaneCommand);
        Assert.Equal(["sh", "-c", "a b"], options.Supervision.ControlPlaneCommand);
        Assert.Empty(options.UnknownKeys);
    }

    [Fact]
    public void TheNodesStop_IsPartOfTheStopBudget()
    {
        Assert.Equal(TimeSpan.FromSeconds(50),
            Load(("Node:Supervise", "true"), ("Lifecycle:StopBudget", "60s"), ("Node:StopGrace", "10s")).Lifecycle.Budgets.Stop);
        Assert.Contains("Node:StopGrace", Assert.Single(Errors(("Lifecycle:StopBudget", "4s"))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Node:DataPlanes", "2", "must be 1")]
    [InlineData("Node:ControlPlanes", "2", "must be 1")]
    [InlineData("Node:RestartMin", "1m", "Node:RestartMax")]
    [InlineData("Node:MaxDeaths", "0", "1 to 1000")]
    [InlineData("Node:DeathWindow", "0s", "duration")]
    [InlineData("Node:StartTimeout", "0s", "duration")]
    [InlineData("Node:DataPlaneCommand", "none", "does not run without it")]
    [InlineData("Node:Environment", "Gateway__Admin__Token", "never reaches")]
    [InlineData("Node:Environment", "ALIBABA_CLOUD_SECURITY_TOKEN", "never reaches")]
    [InlineData("Node:MaxLineBytes", "1", "64")]
    [InlineData("Node:Supervise", "perhaps", "true or false")]
    public void WrongValue_IsToldWithItsKey(string key, string value, string problem)
    {
        var error = Assert.Single(key == "Node:Supervise" ? Assert.Throws<ConfigurationErrorsException>(() => Load((key, value))).Errors : Errors((key, value)));
        Assert.StartsWith($"{key} = \"", error, StringComparison.Ordinal);
        Assert.Contains(problem, error, StringComparison.Ordinal);
    }

    [Fact]
    public void TurfdSocketTooLong_IsRefused() => Assert.Contains("107", Assert.Single(Errors(("Node:TurfdSocket", "/" + new string('x', 107)))), StringComparison.Ordinal);
}
