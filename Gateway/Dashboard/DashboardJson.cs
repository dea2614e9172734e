using System.Text.Json;
using System.Text.Json.Serialization;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>A part of a page that has changed.</summary>
/// <param name="Id">The element's id.</param>
/// <param name="Html">What it is replaced by.</param>
internal sealed record Fragment(string Id, string Html);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSerializable(typeof(Fragment))]
internal sealed partial class DashboardJson : JsonSerializerContext;
