using System.Text.Json.Nodes;

namespace NoslateFleet.Tests.Chart.Harness;

/// <summary>Rendered objects.</summary>
internal sealed record Manifests(IReadOnlyList<JsonObject> All)
{
    public const string Name = "fleet-noslate-fleet";

    public JsonObject Instances => One("Deployment", Name);

    public JsonObject InstancePod => Instances["spec"]!["template"]!.AsObject();

    public JsonObject InstanceContainer => InstancePod["spec"]!["containers"]![0]!.AsObject();

    public IEnumerable<JsonObject> OfKind(string kind) => All.Where(one => Text(one["kind"]) == kind);

    public bool Has(string kind, string name) => OfKind(kind).Any(one => NameOf(one) == name);

    public JsonObject One(string kind, string name) => Assert.Single(OfKind(kind), one => NameOf(one) == name);

    /// <summary>Pods as templates: those of deployments, and the test pods themselves.</summary>
    public IReadOnlyList<JsonObject> Pods => [.. OfKind("Deployment").Select(one => one["spec"]!["template"]!.AsObject()), .. OfKind("Pod")];

    public static string NameOf(JsonObject one) => Text(one["metadata"]!["name"]);

    public static string Text(JsonNode? node) => node?.ToString() ?? "";

    public static IEnumerable<JsonObject> Containers(JsonObject pod) =>
        new[] { "initContainers", "containers" }.SelectMany(key => pod["spec"]![key]?.AsArray() ?? []).Select(one => one!.AsObject());

    /// <summary>The environment of a container: a variable without a plain value has an empty one.</summary>
    public static IReadOnlyDictionary<string, string> Environment(JsonObject container) =>
        container["env"]!.AsArray().ToDictionary(one => Text(one!["name"]), one => Text(one!["value"]), StringComparer.Ordinal);

    /// <summary>Whether all these labels are on the pod.</summary>
    public static bool Chooses(JsonObject labels, JsonObject pod) =>
        labels.All(label => Text(pod["metadata"]!["labels"]![label.Key]) == Text(label.Value));

    public static IEnumerable<string> PortNames(JsonObject pod) =>
        Containers(pod).SelectMany(container => container["ports"]?.AsArray() ?? []).Select(port => Text(port!["name"]));
}
