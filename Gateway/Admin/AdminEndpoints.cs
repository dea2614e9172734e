using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Gateway.Requests;
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
        app.UseAdminAccess(app.Services.GetRequiredService<AdminOptions>(), app.Services.GetRequiredService<PlatformOptions>());
        app.MapHooks();
        app.MapMetrics();
        app.MapHealth("/healthz", static context => FleetRequest.WriteAsync(context, 200, new HealthAnswer("ok"), _json.HealthAnswer));
        app.MapHealth("/readyz", static context => ReadyAsync(context));
        app.MapGet("/api/functions", static context => FunctionsAsync(context))
            .Describe<FunctionsAnswer>(ApiTags.Instance, "listFunctions", "Functions and workers of the node, temperatures, counters");
        app.MapGet("/api/instance", static context => InstanceAsync(context))
            .Describe<InstanceAnswer>(ApiTags.Instance, "readInstance", "Phase, epoch, counters, where the time went, last receipt, last lifecycle events");
        app.MapInstance();
        app.MapFleet();
        app.MapApiDescription();
    }

    /// <summary>Serves a health check; many of those who ask send HEAD and look at the status alone.</summary>
    /// <param name="app">The admin port.</param>
    /// <param name="path">Where it is asked for.</param>
    /// <param name="answer">Answers it.</param>
    public static void MapHealth(this WebApplication app, string path, RequestDelegate answer) => app.MapMethods(path, [HttpMethods.Get, HttpMethods.Head], answer);

    /// <summary>Refuses whoever may not ask what they ask for, and answers what is not there.</summary>
    /// <param name="app">The admin port.</param>
    /// <param name="options">Its options.</param>
    /// <param name="platform">Where it runs.</param>
    public static void UseAdminAccess(this WebApplication app, AdminOptions options, PlatformOptions platform)
    {
        var access = new AdminAccess(
            options,
            platform,
            app.Services.GetRequiredService<IAdminAuthenticator>(),
            app.Services.GetRequiredService<TokenFailures>());
        var logger = app.Services.GetRequiredService<ILogger<AdminAccess>>();
        app.Use((context, next) =>
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            return AdminRefusals.RunAsync(context, next, logger);
        });
        app.Use((context, next) =>
        {
            if (access.Refuse(context.Request, context.Connection.RemoteIpAddress) is not { } problem)
            {
                return next(context);
            }

            AdminRefusals.Write(context, problem);
            return Task.CompletedTask;
        });
    }

    private static Task ReadyAsync(HttpContext context)
    {
        var status = context.RequestServices.GetRequiredService<INoslateNode>().Status;
        var file = context.RequestServices.GetRequiredService<NodeService>().File;
        var state = context.RequestServices.GetRequiredService<InstanceLifecycle>().State;
        var missing = state.Phase switch
        {
            InstancePhase.Draining => "the instance is draining",
            InstancePhase.Stopped => "the instance has stopped",
            InstancePhase.Starting => context.RequestServices.GetRequiredService<Readiness>().Missing() ?? "the instance is not initialised yet",
            _ => context.RequestServices.GetRequiredService<Readiness>().Missing(),
        };
        return FleetRequest.WriteAsync(
            context,
            missing is null ? 200 : 503,
            new ReadyAnswer(
                missing is null,
                state.Phase,
                missing,
                file?.LastError,
                status.DataPlanes,
                status.ControlPlanes,
                status.Profiles),
            _json.ReadyAnswer);
    }

    private static async Task FunctionsAsync(HttpContext context)
    {
        var node = context.RequestServices.GetRequiredService<INoslateNode>();
        var ledger = context.RequestServices.GetRequiredService<InvocationLedger>();
        var board = context.RequestServices.GetRequiredService<FunctionBoard>();
        var stats = await node.GetStatsAsync(context.RequestAborted);
        await FleetRequest.WriteAsync(
            context,
            200,
            new FunctionsAnswer(
                stats.Functions,
                board.List(),
                [.. (node.Profiles?.Services ?? []).Select(s => new ServiceAnswer(s.Name, s.Type))],
                stats.TrafficAsOf,
                stats.SnapshotAsOf,
                stats.Errors,
                ledger.Snapshot()),
            _json.FunctionsAnswer);
    }

    private static Task InstanceAsync(HttpContext context)
    {
        var lifecycle = context.RequestServices.GetRequiredService<InstanceLifecycle>();
        var state = lifecycle.State;
        return FleetRequest.WriteAsync(
            context,
            200,
            new InstanceAnswer(
                lifecycle.Identity.InstanceId,
                lifecycle.Identity.Boot,
                state.Epoch,
                state.Phase,
                state.Since,
                context.RequestServices.GetRequiredService<InvocationLedger>().Snapshot(),
                context.RequestServices.GetRequiredService<AdmissionController>().Queued,
                lifecycle.Accounting.Read(),
                lifecycle.LastReceipt,
                lifecycle.Recorder.After(0)),
            _json.InstanceAnswer);
    }
}

/// <summary>Answer of /healthz.</summary>
/// <param name="Status">Always <c>ok</c>: the process answers.</param>
internal sealed record HealthAnswer(string Status);

/// <summary>Answer of /readyz.</summary>
/// <param name="Ready">Whether invocations can be expected to succeed.</param>
/// <param name="Phase">The instance's phase.</param>
/// <param name="Missing">What is missing; null when ready.</param>
/// <param name="FunctionsFileError">Why the functions file as it is now can't be used; null if it can. While ready, the last good one holds.</param>
/// <param name="DataPlanes">Each data plane's connection.</param>
/// <param name="ControlPlanes">Each control plane's connection.</param>
/// <param name="Profiles">How far the profiles are.</param>
internal sealed record ReadyAnswer(
    bool Ready,
    InstancePhase Phase,
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
/// <param name="Instance">What this instance knows of its functions: temperature, workers as it holds them to be, counters.</param>
/// <param name="Services">Services, as last given to the node.</param>
/// <param name="TrafficAsOf">When the live numbers were read.</param>
/// <param name="SnapshotAsOf">When the control plane's snapshot was read.</param>
/// <param name="Errors">What could not be read.</param>
/// <param name="Invocations">The counters of this instance.</param>
internal sealed record FunctionsAnswer(
    IReadOnlyList<FunctionPicture> Functions,
    IReadOnlyList<FunctionStatus> Instance,
    IReadOnlyList<ServiceAnswer> Services,
    DateTimeOffset? TrafficAsOf,
    DateTimeOffset? SnapshotAsOf,
    IReadOnlyList<string> Errors,
    LedgerSnapshot Invocations);

/// <summary>Answer of /api/instance.</summary>
/// <param name="InstanceId">The container.</param>
/// <param name="Boot">The process.</param>
/// <param name="Epoch">The life: 1 at process start, one more at every thaw.</param>
/// <param name="Phase">The phase.</param>
/// <param name="Since">When it began.</param>
/// <param name="Invocations">The counters.</param>
/// <param name="Queued">Requests that wait for a slot: not yet accepted.</param>
/// <param name="Time">Where the instance's time went.</param>
/// <param name="LastReceipt">What the last freeze or stop did; null before the first.</param>
/// <param name="Events">The last lifecycle events, oldest first.</param>
internal sealed record InstanceAnswer(
    string InstanceId,
    string Boot,
    long Epoch,
    InstancePhase Phase,
    DateTimeOffset Since,
    LedgerSnapshot Invocations,
    int Queued,
    FreezeAccount Time,
    Receipt? LastReceipt,
    IReadOnlyList<FlightEvent> Events);

[JsonSerializable(typeof(HealthAnswer))]
[JsonSerializable(typeof(ReadyAnswer))]
[JsonSerializable(typeof(FunctionsAnswer))]
[JsonSerializable(typeof(InstanceAnswer))]
[JsonSerializable(typeof(NoslateFleet.Coordination.Functions.WorkerState), TypeInfoPropertyName = "HeldWorkerState")]
internal sealed partial class AdminJson : JsonSerializerContext;
