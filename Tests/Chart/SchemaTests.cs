using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using NoslateFleet.Tests.Chart.Harness;

namespace NoslateFleet.Tests.Chart;

/// <summary>What values.schema.json lets through and what not. Helm asks it before it renders.</summary>
public sealed class SchemaTests
{
    private static readonly string _text = File.ReadAllText(Path.Combine(HelmChart.Root, "values.schema.json"));
    private static readonly JsonSchema _schema = JsonSchema.FromText(_text);

    public static TheoryData<string> Examples => [.. HelmChart.Examples];

    [Fact]
    public void Defaults_AreValid() => Assert.True(IsValid(""));

    [Theory]
    [MemberData(nameof(Examples))]
    public void Example_IsValid(string name) => Assert.True(IsValid(HelmChart.Example(name)));

    [Theory]
    [InlineData("replicaCounts: 3")]
    [InlineData("stop: { budjet: 60s }")]
    [InlineData("redis: { development: { enable: true } }")]
    [InlineData("dashboard: { ingress: { hostname: a.example.com } }")]
    [InlineData("probes: { readiness: { period: 1 } }")]
    [InlineData("functions: { file: { function: [] } }")]
    public void MisspeltKey_IsRefused(string values) => Assert.False(IsValid(values));

    [Theory]
    [InlineData("replicaCount: '3'")]
    [InlineData("replicaCount: 0")]
    [InlineData("replicaCount: 1.5")]
    [InlineData("topology: mesh")]
    [InlineData("admin: { openMetrics: 'yes' }")]
    [InlineData("admin: { port: 70000 }")]
    [InlineData("platform: { port: 0 }")]
    [InlineData("admin: { token: 'with space' }")]
    [InlineData("admin: { existingSecret: Upper_Case }")]
    [InlineData("platform: { healthPath: health }")]
    [InlineData("platform: { address: localhost }")]
    [InlineData("image: { digest: 'sha256:12' }")]
    [InlineData("image: { executable: Silo }")]
    [InlineData("image: { repository: 'a/b@sha256:1' }")]
    [InlineData("image: { pullPolicy: Sometimes }")]
    [InlineData("redis: { endpoints: redis:6379 }")]
    [InlineData("redis: { endpoints: ['redis'] }")]
    [InlineData("redis: { endpoints: ['redis:6379,password=x'] }")]
    [InlineData("functions: { source: file }")]
    [InlineData("config: { 'Admission:MaxConcurrent': 200 }")]
    [InlineData("config: { 'MaxConcurrent': '200' }")]
    [InlineData("extraEnv: [{ value: x }]")]
    [InlineData("service: { type: ExternalName }")]
    [InlineData("resources: { requests: { memory: 1GiB } }")]
    [InlineData("strategy: { maxSurge: many }")]
    [InlineData("podDisruptionBudget: { minAvailable: half }")]
    [InlineData("metrics: { monitor: { kind: Prometheus } }")]
    [InlineData("dashboard: { args: [] }")]
    [InlineData("stop: { marginSeconds: 2 }")]
    [InlineData("node: { workdir: relative }")]
    public void WrongValue_IsRefused(string values) => Assert.False(IsValid(values));

    [Theory]
    [InlineData("60")]
    [InlineData("60 s")]
    [InlineData("1.5s")]
    [InlineData("-1s")]
    [InlineData("00:01:00")]
    [InlineData("")]
    public void TextThatIsNoDuration_IsRefused(string text) => Assert.False(IsValid($"stop: {{ budget: '{text}' }}"));

    [Theory]
    [InlineData("500ms")]
    [InlineData("60s")]
    [InlineData("5m")]
    [InlineData("1h")]
    public void Duration_IsValid(string text) => Assert.True(IsValid($"stop: {{ budget: '{text}' }}"));

    /// <summary>Helm hands the key global to every chart, so it is the one that values.yaml does not have.</summary>
    [Fact]
    public void Schema_KnowsExactlyTheKeysOfTheValues()
    {
        var known = new List<string>();
        Collect(JsonNode.Parse(_text)!.AsObject(), HelmChart.Defaults, "", known);
        Assert.Equal(["only in the schema: global"], known);
    }

    private static bool IsValid(string values) =>
        _schema.Evaluate(JsonSerializer.SerializeToElement(Yaml.Merge(HelmChart.Defaults, Yaml.Object(values)))).IsValid;

    private static void Collect(JsonObject schema, JsonObject values, string path, List<string> known)
    {
        if (schema["properties"] is not JsonObject properties || values.Count == 0)
        {
            return;
        }

        known.AddRange(properties.Select(p => p.Key).Except(values.Select(v => v.Key)).Where(key => !IsOptional(path)).Select(key => $"only in the schema: {path}{key}"));
        known.AddRange(values.Select(v => v.Key).Except(properties.Select(p => p.Key)).Select(key => $"only in the values: {path}{key}"));
        foreach (var (key, below) in properties)
        {
            if (values[key] is JsonObject value)
            {
                Collect(below!.AsObject(), value, $"{path}{key}.", known);
            }
        }
    }

    /// <summary>Parts of a pod, whose rarer keys need no default.</summary>
    private static bool IsOptional(string path) => path.StartsWith("probes.", StringComparison.Ordinal) || path.EndsWith("resources.", StringComparison.Ordinal);
}
