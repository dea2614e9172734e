using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace NoslateFleet.Tests.Chart.Harness;

/// <summary>Reads YAML as JSON, by the rules of YAML 1.2 for plain scalars and with the booleans of 1.1 that Kubernetes' reader knows.</summary>
internal static class Yaml
{
    public static IReadOnlyList<JsonNode?> Documents(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return [.. stream.Documents.Select(document => Convert(document.RootNode))];
    }

    public static JsonObject Object(string text) => Documents(text) is [JsonObject only] ? only : [];

    /// <summary>As helm merges values: objects by key, all else replaced, null takes away.</summary>
    public static JsonObject Merge(JsonObject defaults, JsonObject values)
    {
        var merged = (JsonObject)defaults.DeepClone();
        foreach (var (key, value) in values)
        {
            if (value is null)
            {
                merged.Remove(key);
            }
            else
            {
                merged[key] = merged[key] is JsonObject below && value is JsonObject more ? Merge(below, more) : value.DeepClone();
            }
        }

        return merged;
    }

    private static JsonNode? Convert(YamlNode node) => node switch
    {
        YamlMappingNode mapping => new JsonObject(mapping.Children.Select(pair => KeyValuePair.Create(((YamlScalarNode)pair.Key).Value!, Convert(pair.Value)))),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Children.Select(Convert)]),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: var text } => Plain(text ?? ""),
        YamlScalarNode scalar => JsonValue.Create(scalar.Value),
        _ => throw new InvalidOperationException($"{node.NodeType} is not expected"),
    };

    private static JsonValue? Plain(string text) => text switch
    {
        "" or "~" or "null" => null,
        "true" or "yes" or "on" => JsonValue.Create(true),
        "false" or "no" or "off" => JsonValue.Create(false),
        _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => JsonValue.Create(whole),
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => JsonValue.Create(number),
        _ => JsonValue.Create(text),
    };
}
