using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Admin;

/// <summary>Whoever follows docs/operate.md at night finds what it names.</summary>
public sealed partial class RunbookTests
{
    private static readonly string _page = File.ReadAllText(Repository.PathOf("docs", "operate.md"));
    private static readonly string[] _code = [.. Code().Matches(_page).Select(code => code.Groups[1].Value)];

    [Fact]
    public void EveryMetric_IsOneOfMetricsMd_WithLabelsItHas_AndWordsThatTheyTake()
    {
        var table = File.ReadLines(Repository.PathOf("docs", "metrics.md")).Select(line => Row().Match(line)).Where(row => row.Success)
            .ToDictionary(row => row.Groups[1].Value, row => Code().Matches(row.Groups[2].Value).Select(label => label.Groups[1].Value).ToHashSet(), StringComparer.Ordinal);
        var used = Metric().Matches(_page).ToArray();
        Assert.True(used.Length > 20, "the page names hardly any metric");
        foreach (var metric in used)
        {
            var name = metric.Groups[1].Value;
            Assert.True(table.TryGetValue(name, out var labels) || table.TryGetValue(Part().Replace(name, ""), out labels), $"{name} is no metric");
            foreach (Match label in Label().Matches(metric.Groups[2].Value))
            {
                Assert.Contains(label.Groups[1].Value, labels!);
                if (label.Groups[2].Value is { Length: > 0 } word && word != "...")
                {
                    Assert.True(IsWord(label.Groups[1].Value, word), $"{name}: {label.Groups[1].Value} is never {word}");
                }
            }
        }
    }

    [Fact]
    public async Task EveryPath_IsServed()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        var served = gateway.Service<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(one => one.Metadata.GetMetadata<HttpMethodMetadata>() is not null)
            .Select(one => one.RoutePattern.RawText!.Replace("{id}", "ID", StringComparison.Ordinal)).ToHashSet(StringComparer.Ordinal);
        var paths = _code.Select(code => PathAtStart().Match(code)).Where(path => path.Success).Select(path => path.Value.Split('?')[0]).ToArray();
        Assert.True(paths.Length > 20, "the page names hardly any path");
        Assert.All(paths, path => Assert.Contains(path, path == "/api" ? new HashSet<string> { "/api" } : served));
        Assert.Superset(
            new HashSet<string> { "/dashboard", "/dashboard/function", "/dashboard/instance", "/dashboard/profiles", "/readyz", "/metrics" }, paths.ToHashSet(StringComparer.Ordinal));
    }

    [Fact]
    public void EverySetting_IsInConfigurationMd()
    {
        var known = File.ReadAllText(Repository.PathOf("docs", "configuration.md"));
        var settings = _code.Where(code => Setting().IsMatch(code)).Distinct(StringComparer.Ordinal).ToArray();
        Assert.True(settings.Length > 8, "the page names hardly any setting");
        Assert.All(settings, setting => Assert.Contains("`" + setting.TrimEnd('*') + (setting.EndsWith('*') ? "" : "`"), known, StringComparison.Ordinal));
    }

    [Fact]
    public void EveryStatusWithAReason_IsAProblem()
    {
        var problems = ProblemTable.Own.Concat(Enum.GetValues<InvocationFailure>().Where(f => f != InvocationFailure.RequestBodyFailed).Select(ProblemTable.For))
            .Select(problem => $"{problem.Status} {problem.Reason}").ToHashSet(StringComparer.Ordinal);
        var told = StatusAndReasons().Matches(_page).SelectMany(match => Code().Matches(match.Groups[2].Value).Select(code => $"{match.Groups[1].Value} {code.Groups[1].Value}")).ToArray();
        Assert.True(told.Length > 10, "the page names hardly any error");
        Assert.All(told, one => Assert.Contains(one, problems));
    }

    [Fact]
    public void EveryLinkWithinThePage_LeadsToAHeading()
    {
        var headings = Heading().Matches(_page)
            .Select(heading => "#" + NotInAnchors().Replace(heading.Groups[1].Value.ToLowerInvariant(), "").Replace(' ', '-')).ToHashSet(StringComparer.Ordinal);
        Assert.All(Anchor().Matches(_page), link => Assert.Contains(link.Groups[1].Value, headings));
    }

    private static bool IsWord(string label, string word) => label switch
    {
        "outcome" => Names<Outcome>().Append("published").Contains(word),
        "verdict" => Names<Verdict>().Append("called-off").Contains(word),
        "phase" => Names<InstancePhase>().Contains(word),
        "temperature" => Names<Coordination.Functions.FunctionTemperature>().Contains(word),
        "reason" => ProblemTable.Own.Any(problem => problem.Reason == word),
        _ => false,
    };

    private static IEnumerable<string> Names<T>()
        where T : struct, Enum => Enum.GetNames<T>().Select(name => name.ToLowerInvariant());

    [GeneratedRegex("`([^`\n]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"^\| `[a-z_.]+` \| `([a-z_]+)` \| (?:counter|gauge|histogram) \|([^|]*)\| ")]
    private static partial Regex Row();

    [GeneratedRegex(@"\b((?:noslatefleet|dotnet)_[a-z_]+[a-z])(\{[^}]*\})?")]
    private static partial Regex Metric();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex Part();

    [GeneratedRegex("([a-z_]+)=(?:\"([^\"]*)\"|\\.\\.\\.)")]
    private static partial Regex Label();

    [GeneratedRegex("^/[a-zA-Z/-]+")]
    private static partial Regex PathAtStart();

    [GeneratedRegex(@"^[A-Z][A-Za-z]+:(\*|[A-Z][A-Za-z:]*)$")]
    private static partial Regex Setting();

    [GeneratedRegex(@"\| ([45][0-9]{2}) ((?:`[a-z-]+`(?:, )?)+) \|")]
    private static partial Regex StatusAndReasons();

    [GeneratedRegex("^## (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("[^a-z0-9 -]")]
    private static partial Regex NotInAnchors();

    [GeneratedRegex(@"\]\((#[^)]+)\)")]
    private static partial Regex Anchor();
}
