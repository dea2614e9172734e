using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Gateway.Admin;

/// <summary>The view of what holds and docs/configuration.md tell of the same settings.</summary>
public sealed partial class EffectiveSettingsTests
{
    // What is there only once it is configured.
    private static readonly (string Key, string Value)[] _configured =
    [
        ("Node:Workdir", "/tmp/n"), ("Node:Supervise", "true"), ("Node:TurfdCommand", "none"), ("Node:DataPlaneCommand", "/bin/d"), ("Node:ControlPlaneCommand", "/bin/c"),
        ("Admin:Tokens:0:Name", "wall"), ("Admin:Tokens:0:Token", "for-reading"), ("Admin:Tokens:0:Role", "read"),
        ("Routing:Routes:0:Host", "example.com"), ("Routing:Routes:0:Function", "f"),
    ];

    [Fact]
    public void EveryDocumentedSetting_IsInIt()
    {
        var documented = Documented();

        // The document is read as it is written: were it written otherwise, nothing would be found in it.
        Assert.InRange(documented.Count, 100, 300);
        var told = Of(documented).Select(static setting => setting.Key).ToHashSet(StringComparer.Ordinal);
        Assert.Equal([], documented.Except(told, StringComparer.Ordinal));
    }

    [Fact]
    public void EverySettingInIt_IsDocumented()
    {
        var documented = Documented();
        Assert.Equal([], Of(documented).Select(static setting => setting.Key).Except(documented, StringComparer.Ordinal));
    }

    [Fact]
    public void OfTheDocumentedOnes_OnlySecretsAreHidden()
    {
        var documented = Documented();
        Assert.Equal(
            ["Admin:Tokens:0:Token", "Redis:ConnectionString", "Redis:Password", "Silo:Tls:Key"],
            Of(documented).Where(static setting => setting.Value == EffectiveSettings.Hidden).Select(static setting => setting.Key).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Dashboard_IsToldAsItIsConfigured()
    {
        var configuration = Configuration([.. _configured, ("Dashboard:Enabled", "false"), ("Dashboard:SessionLifetime", "30m"), ("Dashboard:RowsPerPage", "20")]);
        var told = EffectiveSettings.Of(GatewayOptionsLoader.Load(configuration), configuration).ToDictionary(static s => s.Key, static s => s.Value);
        Assert.Equal(
            ("false", "00:30:00", "20", "100", "32"),
            (told["Dashboard:Enabled"], told["Dashboard:SessionLifetime"], told["Dashboard:RowsPerPage"], told["Dashboard:MaxSessions"], told["Dashboard:MaxLivePages"]));
    }

    private static IReadOnlyList<EffectiveSetting> Of(HashSet<string> documented)
    {
        // The fleet's program has sections of its own: of those is told what is set.
        var others = documented.Where(static key => key.StartsWith("Redis:", StringComparison.Ordinal) || key.StartsWith("Silo:", StringComparison.Ordinal));
        var configuration = Configuration([.. _configured, .. others.Select(static key => (key, "x"))]);
        return EffectiveSettings.Of(GatewayOptionsLoader.Load(configuration), configuration);
    }

    private static IConfiguration Configuration((string Key, string Value)[] values) => new ConfigurationBuilder()
        .AddInMemoryCollection(values.Select(static pair => KeyValuePair.Create(pair.Key, (string?)pair.Value)))
        .Build();

    /// <summary>The keys in the first columns of the document's tables, the first of each list.</summary>
    private static HashSet<string> Documented() => File.ReadLines(Repository.PathOf("docs", "configuration.md"))
        .Where(static line => line.StartsWith("| `", StringComparison.Ordinal))
        .SelectMany(static line => Key().Matches(line[1..line.IndexOf('|', 1)]).Select(static key => key.Groups[1].Value.Replace(":N:", ":0:", StringComparison.Ordinal)))
        .ToHashSet(StringComparer.Ordinal);

    [GeneratedRegex("`([A-Z][A-Za-z]*(?::[A-Za-z0-9]+)+)`")]
    private static partial Regex Key();
}
