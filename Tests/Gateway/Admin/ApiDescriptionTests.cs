using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Routing;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Admin;

/// <summary>The OpenAPI document, the pages and the program tell of the same calls.</summary>
public sealed partial class ApiDescriptionTests
{
    private static readonly string[] _methods = ["get", "put", "post", "delete", "patch", "head", "options"];

    [Fact]
    public async Task EveryRoute_IsInTheDocument_AndTheOtherWayRound()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        Assert.Equal(Mapped(gateway), Operations(await DocumentAsync(gateway)).Select(o => o.Call).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task EveryRoute_IsInThePage_AndTheOtherWayRound()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        var page = await File.ReadAllTextAsync(Repository.PathOf("docs", "admin-api.md"));
        var told = Row().Matches(page).Select(row => row.Groups[1].Value + " " + row.Groups[2].Value).Where(call => !call.EndsWith(ApiDescription.Path, StringComparison.Ordinal));
        Assert.Equal(Mapped(gateway), told.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task EveryOperation_IsNamedOnce_WithSummaryTagAnswerAndProblems()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        var operations = Operations(await DocumentAsync(gateway)).ToArray();
        Assert.Equal(operations.Length, operations.Select(o => o.Operation.GetProperty("operationId").GetString()).Distinct().Count());
        foreach (var (call, operation) in operations)
        {
            Assert.False(string.IsNullOrEmpty(operation.GetProperty("summary").GetString()), call);
            Assert.Single(operation.GetProperty("tags").EnumerateArray());
            var responses = operation.GetProperty("responses").EnumerateObject().ToArray();
            var good = Assert.Single(responses, r => r.Name[0] == '2');
            Assert.True(good.Value.GetProperty("content").EnumerateObject().Single().Value.TryGetProperty("schema", out _), call);
            Assert.Superset(new HashSet<string> { "401", "403", "404", "429", "500" }, responses.Select(r => r.Name).ToHashSet());
            Assert.All(responses.Where(r => r.Name[0] != '2'), r => Assert.True(r.Value.GetProperty("content").TryGetProperty("application/problem+json", out _), call));
            var inPath = Braces().Matches(call).Select(m => m.Groups[1].Value);
            var parameters = operation.TryGetProperty("parameters", out var all) ? all.EnumerateArray().ToArray() : [];
            Assert.Equal(inPath, parameters.Where(p => p.GetProperty("in").GetString() == "path").Select(p => p.GetProperty("name").GetString()!));
        }
    }

    [Fact]
    public async Task Document_AsksForABearerToken_AndTellsEnumsAsWords()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        var document = await DocumentAsync(gateway);
        var scheme = Assert.Single(document.GetProperty("components").GetProperty("securitySchemes").EnumerateObject());
        Assert.Equal(("http", "bearer"), (scheme.Value.GetProperty("type").GetString(), scheme.Value.GetProperty("scheme").GetString()));
        Assert.True(document.GetProperty("security")[0].TryGetProperty(scheme.Name, out _));
        Assert.Contains(
            "Quiet", document.GetProperty("components").GetProperty("schemas").GetProperty("Standing").GetProperty("enum").EnumerateArray().Select(e => e.GetString()));
    }

    private static async Task<JsonElement> DocumentAsync(GatewayUnderTest gateway) =>
        JsonDocument.Parse(await gateway.Admin.GetByteArrayAsync(ApiDescription.Path)).RootElement.Clone();

    private static IEnumerable<(string Call, JsonElement Operation)> Operations(JsonElement document) =>
        from path in document.GetProperty("paths").EnumerateObject()
        from operation in path.Value.EnumerateObject()
        where _methods.Contains(operation.Name)
        select (operation.Name.ToUpperInvariant() + " " + path.Name, operation.Value);

    private static IEnumerable<string> Mapped(GatewayUnderTest gateway) => gateway.Service<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        .Where(e => e.RoutePattern.RawText!.StartsWith("/api/", StringComparison.Ordinal) && e.RoutePattern.RawText != ApiDescription.Path)
        .SelectMany(e => e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(method => method + " " + e.RoutePattern.RawText))
        .Order(StringComparer.Ordinal);

    [GeneratedRegex(@"^\| `(GET|PUT|POST|DELETE) (/api/[^`?]*)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"\{([^}]*)\}")]
    private static partial Regex Braces();
}
