using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Stats;

namespace NoslateFleet.Gateway.Admin;

/// <summary>What the admin port answers.</summary>
internal static class AdminEndpoints
{
    private static readonly AdminJson _json = new(new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter() },
        WriteIndented = true,
    });

    public static void MapAdmin(this WebApplication app)
    {
        app.MapGet("/healthz", static context => WriteAsync(context, 200, new HealthAnswer("ok"), _json.HealthAnswer));
        app.MapGet("/readyz", static context => ReadyAsync(context));
        app.MapGet("/api/functions", static context => FunctionsAsync(context));
    }

    private static Task ReadyAsync(HttpContext context)
    {
        var status = context.RequestServices.GetRequiredService<INoslateNode>().Status;
        var file = context.RequestServices.GetRequiredService<NodeService>().File;
        var missing = Missing(status, file);
        return WriteAsync(
            context,
            missing is null ? 200 : 503,
            new ReadyAnswer(
                missing is null,
                missing,
                file?.LastError,
                status.DataPlanes,
                status.ControlPlanes,
                status.Profiles),
            _json.ReadyAnswer);
    }

    /// <summary>What stands between the instance and being ready, in words; null if nothing does.</summary>
    private static string? Missing(NodeStatus status, FunctionsFile? file) =>
        file is { Current: null } ? "the functions file can't be used: " + (file.LastError ?? "it was not read yet")
        : status.Ready ? null
        : !status.Reachable ? "no data plane is connected"
        : status.Profiles.Error is { } error ? "the profiles are not set: " + error
        : "the profiles are not set yet";

    private static async Task FunctionsAsync(HttpContext context)
    {
        var node = context.RequestServices.GetRequiredService<INoslateNode>();
        var ledger = context.RequestServices.GetRequiredService<InvocationLedger>();
        var stats = await node.GetStatsAsync(context.RequestAborted);
        await WriteAsync(
            context,
            200,
            new FunctionsAnswer(
                stats.Functions,
                [.. (node.Profiles?.Services ?? []).Select(s => new ServiceAnswer(s.Name, s.Type))],
                stats.TrafficAsOf,
                stats.SnapshotAsOf,
                stats.Errors,
                ledger.Snapshot()),
            _json.FunctionsAnswer);
    }

    private static Task WriteAsync<T>(HttpContext context, int status, T answer, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsJsonAsync(answer, type, contentType: null, context.RequestAborted);
    }
}

/// <summary>Answer of /healthz.</summary>
/// <param name="Status">Always <c>ok</c>: the process answers.</param>
internal sealed record HealthAnswer(string Status);

/// <summary>Answer of /readyz.</summary>
/// <param name="Ready">Whether invocations can be expected to succeed.</param>
/// <param name="Missing">What is missing; null when ready.</param>
/// <param name="FunctionsFileError">Why the functions file as it is now can't be used; null if it can. While ready, the last good one holds.</param>
/// <param name="DataPlanes">Each data plane's connection.</param>
/// <param name="ControlPlanes">Each control plane's connection.</param>
/// <param name="Profiles">How far the profiles are.</param>
internal sealed record ReadyAnswer(
    bool Ready,
    string? Missing,
    string? FunctionsFileError,
    IReadOnlyList<PlaneStatus> DataPlanes,
    IReadOnlyList<PlaneStatus> ControlPlanes,
    ProfilesStatus Profiles);

/// <summary>A service.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type.</param>
internal sealed record ServiceAnswer(string Name, string Type);

/// <summary>Answer of /api/functions.</summary>
/// <param name="Functions">Functions and their workers.</param>
/// <param name="Services">Services, as last given to the node.</param>
/// <param name="TrafficAsOf">When the live numbers were read.</param>
/// <param name="SnapshotAsOf">When the control plane's snapshot was read.</param>
/// <param name="Errors">What could not be read.</param>
/// <param name="Invocations">The counters of this instance.</param>
internal sealed record FunctionsAnswer(
    IReadOnlyList<FunctionPicture> Functions,
    IReadOnlyList<ServiceAnswer> Services,
    DateTimeOffset? TrafficAsOf,
    DateTimeOffset? SnapshotAsOf,
    IReadOnlyList<string> Errors,
    LedgerSnapshot Invocations);

[JsonSerializable(typeof(HealthAnswer))]
[JsonSerializable(typeof(ReadyAnswer))]
[JsonSerializable(typeof(FunctionsAnswer))]
internal sealed partial class AdminJson : JsonSerializerContext;
