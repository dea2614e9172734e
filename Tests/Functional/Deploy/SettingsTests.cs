using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.Deploy;

/// <summary>Every setting that image and manifests make is an option that the product has, with a value that it takes.</summary>
public sealed class SettingsTests
{
    // The fleet's program may not have been built here. Its own tests hold docs/configuration.md to its options, and this holds the settings to that page.
    private static readonly HashSet<string> _fleetOptions = FleetOptions();

    private static readonly HashSet<string> _options = Options();

    public static TheoryData<string> Places => ["deploy/Dockerfile", "deploy/fc/s.yaml", "deploy/fc/s.fc2.yaml"];

    [Theory]
    [MemberData(nameof(Places))]
    public void Setting_IsAnOption(string place) =>
        Assert.Empty(Settings(place).Keys.Except(_options, StringComparer.OrdinalIgnoreCase).Except(_fleetOptions, StringComparer.OrdinalIgnoreCase));

    /// <summary>What a type declares, and what is read into it, are two things: the second is asked as well.</summary>
    [Theory]
    [MemberData(nameof(Places))]
    public void Setting_IsReadAndTaken(string place)
    {
        var settings = Settings(place).ToDictionary(s => s.Key, s => (string?)s.Value);
        settings["Node:Workdir"] = "/node";
        settings["FC_FUNCTION_NAME"] = "f";
        var options = GatewayOptionsLoader.Load(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
        Assert.Empty(options.UnknownKeys);
    }

    [Fact]
    public void OptionsCheck_KnowsWhatThereIsAndNothingElse()
    {
        Assert.Contains("Platform:HealthPath", _options);
        Assert.Contains("Lifecycle:StopBudget", _options);
        Assert.Contains("Drain:LameDuck", _options);
        Assert.Contains("Node:Supervise", _options);
        Assert.DoesNotContain("Platform:HealthPaht", _options);
        Assert.Contains("Silo:Topology", _fleetOptions);
        Assert.Contains("Redis:ConnectionString", _fleetOptions);
        Assert.All(_fleetOptions, key => Assert.Matches("^(Silo|Redis):", key));
    }

    private static Dictionary<string, string> Settings(string place)
    {
        var variables = place switch
        {
            "deploy/fc/s.yaml" => Manifest.Fc3.Environment("environmentVariables"),
            "deploy/fc/s.fc2.yaml" => Manifest.Fc2.Environment("function.environmentVariables"),
            _ => Dockerfile.Read().Environment,
        };
        Assert.NotEmpty(variables);
        return variables.Where(v => v.Key.Contains("__", StringComparison.Ordinal)).ToDictionary(v => v.Key.Replace("__", ":", StringComparison.Ordinal), v => v.Value);
    }

    private static HashSet<string> FleetOptions() =>
        Regex.Matches(File.ReadAllText(Repository.PathOf("docs", "configuration.md")), "`((?:Silo|Redis):[A-Za-z:]+)`").Select(m => m.Groups[1].Value)
            .ToHashSet(StringComparer.OrdinalIgnoreCase);

    private static HashSet<string> Options()
    {
        List<Assembly> assemblies = [typeof(GatewayOptions).Assembly, typeof(StandingOptions).Assembly, typeof(NodeOptions).Assembly];
        var silo = Repository.PathOf("Silo", "bin", "Release", "net10.0", "NoslateFleet.Silo.dll");
        if (File.Exists(silo))
        {
            assemblies.Add(Assembly.LoadFrom(silo));
        }

        var keys = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var type in assemblies.SelectMany(a => a.GetTypes()))
        {
            foreach (var section in SectionsOf(type))
            {
                foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
                {
                    keys.Add($"{section}:{property.Name}");

                    // Times that belong together are a class of their own, and their keys say what they are.
                    if (IsPart(property.PropertyType))
                    {
                        foreach (var part in property.PropertyType.GetProperties(BindingFlags.Public | BindingFlags.Instance))
                        {
                            keys.Add($"{section}:{part.Name}");
                            keys.Add($"{section}:{part.Name}Budget");
                        }
                    }
                }
            }
        }

        return keys;
    }

    private static IEnumerable<string> SectionsOf(Type type) =>
        type.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static)
            .Where(f => f.IsLiteral && f.Name.EndsWith("SectionName", StringComparison.Ordinal))
            .Select(f => (string)f.GetRawConstantValue()!);

    private static bool IsPart(Type type) =>
        type is { IsClass: true, Namespace: { } space } && space.StartsWith("NoslateFleet.", StringComparison.Ordinal) && !SectionsOf(type).Any();
}
