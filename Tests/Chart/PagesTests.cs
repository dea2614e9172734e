using System.Text.Json;
using System.Text.Json.Nodes;
using NoslateFleet.Tests.Chart.Harness;

namespace NoslateFleet.Tests.Chart;

/// <summary>What is told to people: README.md, NOTES.txt, the comments of values.yaml.</summary>
public sealed class PagesTests
{
    /// <summary>Parts of a pod, told as a whole.</summary>
    private static readonly string[] _whole = ["resources", "podSecurityContext", "securityContext"];

    public static TheoryData<string> Examples => [.. HelmChart.Examples];

    [Fact]
    public void Readme_HasEveryValueWithItsDefault_AndNoOther()
    {
        var told = File.ReadLines(Path.Combine(HelmChart.Root, "README.md"))
            .SkipWhile(line => line != "## Every value")
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Select(cells => $"{cells[1].Trim('`')} = {Normal(JsonNode.Parse(cells[2].Trim('`')))}")
            .ToList();
        Assert.Equal(Leaves(HelmChart.Defaults, "").Order(StringComparer.Ordinal), told.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Readme_SaysWhatRenderedIt() =>
        Assert.Contains("renderer of this repository", File.ReadAllText(Path.Combine(HelmChart.Root, "README.md")), StringComparison.Ordinal);

    [SkippableTheory]
    [MemberData(nameof(Examples))]
    public async Task Notes_TellTheDrainTheProbesAndTheToken(string example)
    {
        var notes = await HelmChart.NotesAsync(HelmChart.Example(example));
        var grace = (await HelmChart.RenderAsync(HelmChart.Example(example))).InstancePod["spec"]!["terminationGracePeriodSeconds"];
        Assert.Contains($"killed after {grace} s", notes, StringComparison.Ordinal);
        Assert.Contains("/readyz", notes, StringComparison.Ordinal);
        Assert.Contains("get secret", notes, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("redis: { development: { enabled: true } }", "the development Redis keeps nothing")]
    [InlineData(HelmChart.WithRedis + "\nreplicaCount: 1", "there is no PodDisruptionBudget")]
    [InlineData(HelmChart.WithRedis + "\nmetrics: { monitor: { enabled: true } }\nnetworkPolicy: { adminClients: [{ podSelector: {} }] }", "no PodMonitor was made")]
    [InlineData(HelmChart.WithRedis + "\ndashboard: { enabled: true, ingress: { enabled: true, host: a.example.com } }", "in clear text")]
    public async Task Notes_WarnFirst(string values, string warning)
    {
        var notes = await HelmChart.NotesAsync(values);
        Assert.InRange(notes.IndexOf(warning, StringComparison.Ordinal), 0, notes.IndexOf("Functions ", StringComparison.Ordinal));
        Assert.DoesNotContain("WARNING", await HelmChart.NotesAsync(HelmChart.WithRedis), StringComparison.Ordinal);
    }

    private static IEnumerable<string> Leaves(JsonObject values, string path)
    {
        foreach (var (key, value) in values)
        {
            if (value is JsonObject { Count: > 0 } below && !_whole.Contains(key, StringComparer.Ordinal))
            {
                foreach (var leaf in Leaves(below, $"{path}{key}."))
                {
                    yield return leaf;
                }
            }
            else
            {
                yield return $"{path}{key} = {Normal(value)}";
            }
        }
    }

    private static string Normal(JsonNode? value) => JsonSerializer.Serialize(value);
}
