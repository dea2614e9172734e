using System.Globalization;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Microsoft.Extensions.Configuration;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Tests.Chart.Harness;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Chart;

/// <summary>The chart and the code name the same things.</summary>
public sealed partial class DriftTests
{
    private const string Prefix = "Gateway__";

    /// <summary>What the pod knows that no template does, and what a Secret has.</summary>
    private static readonly (string Key, string Value)[] _fromThePod =
        [("POD_NAME", "fleet-1"), ("POD_UID", "0f6a"), ("POD_IP", "10.0.0.1"), ("KUBERNETES_SERVICE_HOST", "10.0.0.254"), (Prefix + "Admin__Token", "secret")];

    public static TheoryData<string> Examples => [.. HelmChart.Examples];

    /// <summary>Sections that the gateway's own loader does not read: their options types are looked for in every built assembly.</summary>
    public static TheoryData<string> FleetSections => ["Redis", "Silo"];

    [SkippableTheory]
    [MemberData(nameof(Examples))]
    public async Task Environment_IsTakenByTheGateway_AndNoKeyIsUnknownToIt(string example)
    {
        var options = Load((await HelmChart.RenderAsync(HelmChart.Example(example))).InstanceContainer);
        Assert.Empty(options.UnknownKeys.Except(KeysOf("Node"), StringComparer.Ordinal));
    }

    [SkippableFact]
    public async Task Values_ArriveAsTheSettingsTheyStandFor()
    {
        var options = Load((await HelmChart.RenderAsync("""
            redis: { endpoints: ['redis:6379'] }
            platform: { port: 9100, http2Port: 9102, healthPath: /up }
            admin: { port: 9101, openMetrics: true }
            stop: { budget: 2m, lameDuck: 7s, flushBudget: 2s, answerMargin: 250ms }
            node: { workdir: /.n, supervise: false, dataPlanes: 2, controlPlanes: 3 }
            config: { 'Admission:MaxConcurrent': '17' }
            """)).InstanceContainer);
        Assert.Equal(PlatformMode.Kubernetes, options.Platform.Mode);
        Assert.Equal((9100, (int?)9102, "/up"), (options.Platform.Port, options.Platform.Http2Port, options.Platform.HealthPath));
        Assert.Equal((9101, true, "secret"), (options.Admin.Port, options.Admin.OpenMetrics, options.Admin.Token));
        var budgets = options.Lifecycle.Budgets;
        Assert.Equal(
            (TimeSpan.FromMinutes(2), TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(2), TimeSpan.FromMilliseconds(250)),
            (budgets.Stop, budgets.LameDuck, budgets.Flush, budgets.AnswerMargin));
        Assert.Equal(("/.n", 2, 3), (options.Node.Workdir, options.Node.DataPlanes, options.Node.ControlPlanes));
        Assert.Equal(("fleet-1", "0f6a"), (options.Lifecycle.InstanceId, options.Lifecycle.ContainerLife));
        Assert.Equal(17, options.Admission.MaxConcurrent);
    }

    /// <summary>The hook's client goes to loopback: the admin port must listen there too, and be reached by the kubelet.</summary>
    [SkippableFact]
    public async Task AdminPort_ListensOnEveryAddress_WithAToken()
    {
        var options = Load((await HelmChart.RenderAsync(HelmChart.WithRedis)).InstanceContainer);
        Assert.Equal("0.0.0.0", options.Admin.Address);
        Assert.NotNull(options.Admin.Token);
    }

    [SkippableTheory]
    [MemberData(nameof(FleetSections))]
    public async Task FleetSetting_IsAPropertyOfTheOptionsOfItsSection(string section)
    {
        var set = new HashSet<string>(StringComparer.Ordinal);
        foreach (var example in HelmChart.Examples)
        {
            var all = await HelmChart.RenderAsync(HelmChart.Example(example));
            set.UnionWith(all.Pods.SelectMany(Manifests.Containers).Where(container => container["env"] is not null)
                .SelectMany(container => Manifests.Environment(container).Keys)
                .Where(name => name.StartsWith($"{Prefix}{section}__", StringComparison.Ordinal)).Select(KeyOf));
        }

        Assert.NotEmpty(set);
        var known = KeysOf(section);
        Skip.If(known.Count == 0, $"no built assembly has options of the section {section}");

        // A key below a property, such as Silo:Tls:Key, is the property's own matter.
        Assert.Empty(set.Select(key => string.Join(':', key.Split(':').Take(2))).Except(known, StringComparer.Ordinal));
    }

    [Fact]
    public void FleetSettings_AreFoundInTheAssemblies() => Assert.Contains("Fleet:HeartbeatInterval", KeysOf("Fleet"));

    [SkippableFact]
    public async Task EverySettingOfTheChart_HasASectionThatIsKnown()
    {
        string[] known = ["Platform", "Admin", "Lifecycle", "Drain", "Node", "Functions", "Admission", "Routing", "Forwarding", "Limits", "Fleet", "Redis", "Silo"];
        foreach (var example in HelmChart.Examples)
        {
            var names = Manifests.Environment((await HelmChart.RenderAsync(HelmChart.Example(example))).InstanceContainer).Keys;
            Assert.Empty(names.Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => KeyOf(name).Split(':')[0]).Except(known, StringComparer.Ordinal));
        }
    }

    [Fact]
    public void DefaultPorts_AreThoseOfTheCode()
    {
        Assert.Equal(new PlatformOptions().Port, HelmChart.Defaults["platform"]!["port"]!.GetValue<long>());
        Assert.Equal(new AdminOptions().Port, HelmChart.Defaults["admin"]!["port"]!.GetValue<long>());
    }

    [Fact]
    public void DefaultsOfTheStop_AreThoseOfTheCode_SaveTheBudgetThatIsLonger()
    {
        var stop = HelmChart.Defaults["stop"]!;
        var options = GatewayOptionsLoader.Load(new ConfigurationBuilder().AddInMemoryCollection(
            [KeyValuePair.Create("Platform:Mode", (string?)"Kubernetes"), KeyValuePair.Create("Node:Workdir", (string?)"/n")]).Build()).Lifecycle.Budgets;
        Assert.Equal($"{options.LameDuck.TotalSeconds.ToString(CultureInfo.InvariantCulture)}s", Manifests.Text(stop["lameDuck"]));
        Assert.Contains(
            $"$grace := \"{new NoslateFleet.Gateway.Supervision.SupervisionOptions().StopGrace.TotalSeconds.ToString(CultureInfo.InvariantCulture)}s\"",
            File.ReadAllText(Path.Combine(HelmChart.Root, "templates", "_helpers.tpl")),
            StringComparison.Ordinal);
        Assert.Equal($"{options.Flush.TotalSeconds.ToString(CultureInfo.InvariantCulture)}s", Manifests.Text(stop["flushBudget"]));
        Assert.Equal($"{options.AnswerMargin.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)}ms", Manifests.Text(stop["answerMargin"]));
    }

    [SkippableFact]
    public async Task HookCommand_IsOneThatTheBinaryKnows()
    {
        var command = (await HelmChart.RenderAsync(HelmChart.WithRedis)).InstanceContainer["lifecycle"]!["preStop"]!["exec"]!["command"]!.AsArray();
        Assert.Equal(HookCommand.Verb, Manifests.Text(command[1]));

        // Another hook is refused before anything is asked; this one is asked for, where nobody listens.
        using var errors = new StringWriter();
        Assert.Equal(1, await HookCommand.RunAsync([Manifests.Text(command[2]), $"--Admin:Port={FreePort.Next()}"], TextWriter.Null, errors));
        Assert.Contains("can't be reached", errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void AppVersion_IsTheProductsVersion()
    {
        var chart = Yaml.Object(File.ReadAllText(Path.Combine(HelmChart.Root, "Chart.yaml")));
        var version = XDocument.Load(Repository.PathOf("Directory.Build.props")).Descendants("Version").Single().Value;
        Assert.Equal(version, Manifests.Text(chart["appVersion"]));
        Assert.Matches(SemanticVersion(), Manifests.Text(chart["version"]));
    }

    private static string KeyOf(string variable) => variable[Prefix.Length..].Replace("__", ":", StringComparison.Ordinal);

    private static GatewayOptions Load(System.Text.Json.Nodes.JsonObject container)
    {
        var values = Manifests.Environment(container).Where(one => one.Value.Length > 0).Select(one => (one.Key, one.Value)).Concat(_fromThePod);
        return GatewayOptionsLoader.Load(new ConfigurationBuilder()
            .AddInMemoryCollection(values.Select(one =>
                KeyValuePair.Create(one.Key.StartsWith(Prefix, StringComparison.Ordinal) ? KeyOf(one.Key) : one.Key, (string?)one.Value)))
            .Build());
    }

    /// <summary>
    /// The keys of a section: the properties of every type, in any assembly of the product that was built, that has this section's name as its
    /// SectionName. Read from the files, so that the Orleans half need not be loaded, nor be there.
    /// </summary>
    private static HashSet<string> KeysOf(string section)
    {
        var keys = new HashSet<string>(StringComparer.Ordinal);
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        foreach (var project in new[] { "Coordination", "Noslate", "Gateway", "Grains", "Silo" })
        {
            var path = Repository.PathOf(project, "bin", output.Parent!.Name, output.Name, $"NoslateFleet.{project}.dll");
            if (!File.Exists(path))
            {
                continue;
            }

            using var file = new PEReader(File.OpenRead(path));
            var reader = file.GetMetadataReader();
            foreach (var type in reader.TypeDefinitions.Select(reader.GetTypeDefinition).Where(type => SectionOf(reader, type) == section))
            {
                keys.UnionWith(type.GetProperties().Select(reader.GetPropertyDefinition).Select(property => $"{section}:{reader.GetString(property.Name)}"));
            }
        }

        return keys;
    }

    private static string? SectionOf(MetadataReader reader, TypeDefinition type)
    {
        foreach (var field in type.GetFields().Select(reader.GetFieldDefinition))
        {
            if (reader.GetString(field.Name) == "SectionName" && !field.GetDefaultValue().IsNil)
            {
                var blob = reader.GetBlobReader(reader.GetConstant(field.GetDefaultValue()).Value);
                return blob.ReadUTF16(blob.Length);
            }
        }

        return null;
    }

    [GeneratedRegex(@"^[0-9]+\.[0-9]+\.[0-9]+$")]
    private static partial Regex SemanticVersion();
}
