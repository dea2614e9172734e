using Microsoft.Extensions.Configuration;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Silo.Configuration;
using NoslateFleet.Silo.Hosting;

namespace NoslateFleet.Tests.Silo.Configuration;

/// <summary>What is read, and all that is refused.</summary>
public sealed class SiloSettingsLoaderTests
{
    private static readonly (string, string)[] _mesh =
        [("Silo:Topology", "Mesh"), ("Silo:Address", "10.0.0.7"), ("Redis:Endpoints", "redis:6379"), ("Lifecycle:InstanceId", "a-1")];

    [Fact]
    public void OutsideOfKubernetes_ItIsAnIsland_OnAFreePortOfLoopback_WithoutAClientPort()
    {
        var settings = Load(("Redis:Endpoints", "redis:6379"));
        Assert.Equal((FleetTopology.Island, 0, 0), (settings.Topology, settings.Port, settings.ClientPort));
    }

    [Fact]
    public void InKubernetes_WithRedis_ItIsAMesh_ByThePodsAddress()
    {
        var settings = Load(("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("Redis:Endpoints", "redis:6379"), ("POD_IP", "10.0.0.7"), ("POD_NAME", "pod-1"));
        Assert.Equal(
            (FleetTopology.Mesh, "10.0.0.7", "pod-1", 11111, 30000),
            (settings.Topology, settings.Address.ToString(), settings.InstanceId, settings.Port, settings.ClientPort));
    }

    [Fact]
    public void InKubernetes_WithoutRedis_ItIsAnIsland() =>
        Assert.Equal(FleetTopology.Island, Load(("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("POD_IP", "10.0.0.7")).Topology);

    [Fact]
    public void Mesh_TheMeasuredDefaults_CanBeOverridden()
    {
        var settings = Load(_mesh);
        Assert.Equal(
            (TimeSpan.FromSeconds(2), 2, false, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10)),
            (settings.ProbeTimeout, settings.MissedProbes, settings.LivenessCheck, settings.OpenConnectionTimeout, settings.ResponseTimeout));
        settings = Load(
        [
            .. _mesh, ("Silo:ProbeTimeout", "5s"), ("Silo:MissedProbes", "3"), ("Silo:LivenessCheck", "true"), ("Silo:OpenConnectionTimeout", "2s"),
            ("Silo:ResponseTimeout", "30s"), ("Silo:Supervision:RetryMin", "2s"),
        ]);
        Assert.Equal(
            (TimeSpan.FromSeconds(5), 3, true, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(2)),
            (settings.ProbeTimeout, settings.MissedProbes, settings.LivenessCheck, settings.OpenConnectionTimeout, settings.ResponseTimeout,
                settings.Supervision.RetryMin));
    }

    [Theory]
    [InlineData("Silo:Topology", "Ring")]
    [InlineData("Silo:Address", "here")]
    [InlineData("Silo:Address", "0.0.0.0")]
    [InlineData("Silo:Port", "0")]
    [InlineData("Silo:ClientPort", "70000")]
    [InlineData("Silo:Fleet", "my fleet")]
    [InlineData("Silo:Cluster", "a/b")]
    [InlineData("Lifecycle:InstanceId", "caf\u00e9")]
    [InlineData("Silo:ProbeTimeout", "1ms")]
    [InlineData("Silo:MissedProbes", "0")]
    [InlineData("Silo:RowCheckInterval", "0s")]
    [InlineData("Silo:LeaveTimeout", "1m")]
    [InlineData("Silo:Supervision:RetryMax", "02:00:00")]
    [InlineData("Silo:Supervision:BreaksAllowed", "0")]
    [InlineData("Silo:Tls:Key", "/no/such/file")]
    public void WrongValue_IsNamedWithItsKey(string key, string value)
    {
        var errors = ErrorsOf([.. _mesh.Where(pair => pair.Item1 != key), (key, value)]);
        Assert.Contains(errors, error => error.StartsWith($"{key} = ", StringComparison.Ordinal) && error.Contains(value, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Silo:Port", "9000", "Platform:Port")]
    [InlineData("Silo:Port", "9001", "Admin:Port")]
    [InlineData("Silo:ClientPort", "11111", "Silo:Port")]
    [InlineData("Silo:ClientPort", "9000", "Platform:Port")]
    public void PortsThatClash_AreNamedBoth(string key, string value, string other)
    {
        var error = Assert.Single(ErrorsOf([.. _mesh, (key, value)]));
        Assert.Contains($"{key} = ", error, StringComparison.Ordinal);
        Assert.Contains(other, error, StringComparison.Ordinal);
    }

    [Fact]
    public void AllErrors_TheGatewaysToo_AreToldAtOnce()
    {
        var error = Assert.Throws<ConfigurationErrorsException>(() => SiloApplication.Build(
        [
            "--Silo:Topology=Mesh", "--Lifecycle:InstanceId=a b", "--Silo:Port=9001", "--Forwarding:Timeout=soon", "--Admin:Address=0.0.0.0",
        ]));
        string[] keys = ["Lifecycle:InstanceId", "Silo:Address", "Silo:Port", "Redis:Endpoints", "Forwarding:Timeout", "Admin:Address", "Node:Workdir"];
        Assert.Equal(keys.Order(StringComparer.Ordinal), error.Errors.Select(e => e.Split(' ')[0]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void AnIsland_HasNoAddressAndNoClientPort() => Assert.Equal(
        ["Silo:Address", "Silo:ClientPort"],
        ErrorsOf([("Silo:Topology", "Island"), ("Silo:Address", "10.0.0.7"), ("Silo:ClientPort", "30000")]).Select(e => e.Split(' ')[0]).Order(StringComparer.Ordinal));

    [Fact]
    public void AMisspelledKey_IsPointedOut() => Assert.Equal(["Silo:Topologie"], Load([.. _mesh, ("Silo:Topologie", "x")]).UnknownKeys);

    private static SiloSettings Load(params (string Key, string Value)[] values) => SiloSettingsLoader.Load(
        new ConfigurationBuilder().AddInMemoryCollection(values.Select(v => new KeyValuePair<string, string?>(v.Key, v.Value))).Build());

    private static IReadOnlyList<string> ErrorsOf((string Key, string Value)[] values) =>
        Assert.Throws<ConfigurationErrorsException>(() => Load(values)).Errors;
}
