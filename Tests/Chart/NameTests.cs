using System.Text.RegularExpressions;
using NoslateFleet.Tests.Chart.Harness;

namespace NoslateFleet.Tests.Chart;

/// <summary>What the objects are called, whatever the release is called.</summary>
public sealed class NameTests
{
    /// <summary>Everything that the chart can make, so that the longest ending is among it.</summary>
    private const string Everything = """
        redis: { development: { enabled: true } }
        admin: { service: { enabled: true } }
        functions: { source: inline, file: { functions: [] } }
        autoscaling: { enabled: true }
        networkPolicy: { adminClients: [{ podSelector: {} }] }
        metrics: { monitor: { enabled: true } }
        dashboard: { enabled: true, ingress: { enabled: true, host: a.example.com } }
        """;

    private static readonly string _longest = new string('r', 53);

    [SkippableTheory]
    [InlineData("fleet", "", "fleet-noslate-fleet")]
    [InlineData("noslate-fleet", "", "noslate-fleet")]
    [InlineData("my-noslate-fleet-2", "", "my-noslate-fleet-2")]
    [InlineData("team.fleet", "", "team-fleet-noslate-fleet")]
    [InlineData("fleet", "nameOverride: web", "fleet-web")]
    [InlineData("web", "nameOverride: web", "web")]
    [InlineData("fleet", "fullnameOverride: mine", "mine")]
    [InlineData("3fleets", "fullnameOverride: fleets", "fleets")]
    [InlineData("fleet", "nameOverride: '1'", "fleet-1")]
    public async Task Name_IsOfReleaseAndChart_AndNeverTwiceTheChart(string release, string values, string expected)
    {
        var all = await HelmChart.RenderAsync(Everything + "\n" + values, release: release);
        Assert.True(all.Has("Deployment", expected), string.Join(' ', all.OfKind("Deployment").Select(Manifests.NameOf)));
        Assert.True(all.Has("Service", expected + "-dashboard"));
    }

    [SkippableTheory]
    [InlineData("rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr", "")]
    [InlineData("a-release-whose-name-is-cut--just-where-hyphens-stand", "")]
    [InlineData("fleet", "nameOverride: a-name-that-is-cut------------------------------at-its-hyphens")]
    [InlineData("fleet", "fullnameOverride: a-name-of-fifty-two-characters-that-is-still-allowed")]
    [InlineData("noslate-fleet-and-all-that-comes-after-it-up-to-53-ch", "")]
    public async Task LongName_FitsWithEveryEnding(string release, string values)
    {
        var all = await HelmChart.RenderAsync(Everything + "\n" + values, release: release);
        foreach (var one in all.All)
        {
            Assert.Matches("^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$", Manifests.NameOf(one));
            Assert.All(one["metadata"]!["labels"]!.AsObject(), label => Assert.Matches("^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$", Manifests.Text(label.Value)));
        }

        Assert.Distinct(all.All.Select(one => $"{one["kind"]}/{Manifests.NameOf(one)}"));
    }

    /// <summary>Cut off at the same place they would be one fleet, and each upgrade would take the other's objects.</summary>
    [SkippableFact]
    public async Task TwoLongReleases_StayTwo()
    {
        var one = await HelmChart.RenderAsync(Everything, release: _longest);
        var two = await HelmChart.RenderAsync(Everything, release: _longest[..^1] + "s");
        Assert.Empty(one.All.Select(Manifests.NameOf).Intersect(two.All.Select(Manifests.NameOf)));
    }

    [SkippableTheory]
    [InlineData("3fleets")]
    [InlineData("0")]
    public async Task ReleaseThatBeginsWithADigit_IsRefused_WithWhatHelps(string release)
    {
        var said = await HelmChart.RefusalAsync(Everything, release);
        Assert.Contains("must begin with a letter: set fullnameOverride", said, StringComparison.Ordinal);
        Assert.Matches(new Regex("\"" + release + "-noslate-fleet\""), said.Replace("\\\"", "\"", StringComparison.Ordinal));
    }
}
