using System.Reflection;
using System.Text.RegularExpressions;
using NoslateFleet.Gateway.Telemetry;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Telemetry;

/// <summary>docs/metrics.md and the process tell of the same metrics, with the same types and labels.</summary>
public sealed partial class MetricsDocumentationTests
{
    [Fact]
    public void EveryNameInTheCode_IsInTheTable_AndTheOtherWayRound()
    {
        var documented = Table().Select(r => r.Name).ToHashSet();
        var inCode = typeof(FleetMetrics).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(f => f is { IsLiteral: true } && f.GetRawConstantValue() is string name && name.StartsWith("noslatefleet.", StringComparison.Ordinal))
            .Select(f => (string)f.GetRawConstantValue()!)
            .Concat(FleetMetrics.RuntimeInstruments)
            .ToHashSet();
        Assert.Equal(inCode.Order(), documented.Order());
    }

    [SkippableFact]
    public async Task WhatIsScraped_IsAsTheTableSays()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        await gateway.SendAsync("GET", "/invoke/mirror");
        await gateway.SendAsync("GET", "/");
        await gateway.Admin.GetAsync("/pre-freeze");
        await gateway.SettledAsync();
        await Until.TrueAsync(async () => (await MetricsTests.PageAsync(gateway)).Sum("noslatefleet_refusals_total") == 1, "the refusal was not counted");
        var page = await MetricsTests.PageAsync(gateway);
        var rows = Table().ToDictionary(r => r.Scraped);
        foreach (var (family, type) in page.Types)
        {
            Assert.True(rows.TryGetValue(family, out var row), $"{family} is scraped and not in docs/metrics.md");
            Assert.Equal(row!.Type, type);
            var labels = page.Samples.Where(s => s.Family == family).SelectMany(s => s.Labels.Keys).Where(l => l != "le").ToHashSet();
            Assert.Equal(row.Labels.Order(), labels.Order());
        }
    }

    // | `noslatefleet.x` | `noslatefleet_x_total` | counter | `function`, `outcome` | what |
    private static List<Row> Table() => [.. File.ReadLines(Repository.PathOf("docs", "metrics.md"))
        .Select(line => Cells().Match(line))
        .Where(m => m.Success)
        .Select(m => new Row(m.Groups[1].Value, m.Groups[2].Value, m.Groups[3].Value, [.. Code().Matches(m.Groups[4].Value).Select(l => l.Groups[1].Value)]))];

    [GeneratedRegex(@"^\| `([a-z_.]+)` \| `([a-z_]+)` \| (counter|gauge|histogram) \|([^|]*)\| ")]
    private static partial Regex Cells();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    private sealed record Row(string Name, string Scraped, string Type, IReadOnlyList<string> Labels);
}
