using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Dashboard;
using NoslateFleet.Silo.Configuration;
using NoslateFleet.Silo.Redis;

namespace NoslateFleet.Silo.Dashboard;

/// <summary>
/// <c>Silo --dashboard-only</c>: the admin port without an instance behind it. It reads the fleet's directory, publishes nothing, serves no function and
/// is in no cluster.
/// </summary>
internal static class DashboardApplication
{
    /// <summary>The option that asks for it.</summary>
    public const string Option = "--dashboard-only";

    private static readonly DashboardJson _json = new(new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter() },
        WriteIndented = true,
    });

    /// <summary>Builds the process.</summary>
    /// <param name="args">The command line.</param>
    /// <returns>The application, not started.</returns>
    /// <exception cref="ConfigurationErrorsException">The configuration can't be used; all errors are in it.</exception>
    public static WebApplication Build(string[] args)
    {
        // The command line's own reader would take what follows for the option's value.
        args = [.. args.Where(arg => arg != Option)];
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        GatewayConfiguration.AddGateway(builder.Configuration, args);
        var options = GatewayOptionsLoader.LoadAdminPort(builder.Configuration, ErrorsOf(builder.Configuration));
        builder.Services.AddSingleton(options.Admin);
        builder.Services.AddSingleton(options.Platform);
        builder.Services.AddSingleton(options.Fleet);
        builder.Services.AddNoslateFleetRedis(builder.Configuration);
        builder.Services.AddDashboard(options.Dashboard);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Parse(options.Admin.Address), options.Admin.Port);
        });
        var app = builder.Build();
        app.UseAdminAccess(options.Admin, options.Platform);
        app.MapGet("/healthz", static context => WriteAsync(context, StatusCodes.Status200OK, new DashboardHealth("ok", null), _json.DashboardHealth));
        app.MapGet("/readyz", static context => ReadyAsync(context));
        app.MapGet("/api/fleet", static context => FleetAsync(context));
        app.MapDashboard();
        return app;
    }

    private static IReadOnlyList<string> ErrorsOf(IConfiguration configuration)
    {
        try
        {
            SiloSettingsLoader.LoadForTool(configuration);
            return [];
        }
        catch (ConfigurationErrorsException error)
        {
            return error.Errors;
        }
    }

    private static async Task ReadyAsync(HttpContext context)
    {
        try
        {
            await context.RequestServices.GetRequiredService<IFleetDirectory>().ReadChangesAsync(DirectoryVersion.None, 1, context.RequestAborted);
            await WriteAsync(context, StatusCodes.Status200OK, new DashboardHealth("ok", null), _json.DashboardHealth);
        }
        catch (FleetDirectoryException error)
        {
            await UnreachedAsync(context, error);
        }
    }

    private static async Task FleetAsync(HttpContext context)
    {
        try
        {
            var view = await context.RequestServices.GetRequiredService<IFleetDirectory>().ReadAllAsync(context.RequestAborted);
            var standing = context.RequestServices.GetRequiredService<FleetOptions>().Standing;
            var instances = view.Entries.Select(entry => new FleetMember(
                entry.Snapshot.InstanceId,
                view.StandingOf(entry, standing),
                entry.Snapshot.Phase,
                entry.Snapshot.Topology,
                entry.Snapshot.Epoch,
                entry.Snapshot.InFlight,
                entry.ReceivedAt));
            await WriteAsync(context, StatusCodes.Status200OK, new FleetAnswer(view.AsOf, [.. instances], view.Unreadable), _json.FleetAnswer);
        }
        catch (FleetDirectoryException error)
        {
            await UnreachedAsync(context, error);
        }
    }

    private static Task UnreachedAsync(HttpContext context, FleetDirectoryException error) => WriteAsync(
        context,
        StatusCodes.Status503ServiceUnavailable,
        new DashboardHealth("unreachable", "the fleet's directory can't be reached: " + error.Message),
        _json.DashboardHealth);

    private static Task WriteAsync<T>(HttpContext context, int status, T answer, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsJsonAsync(answer, type, contentType: null, context.RequestAborted);
    }
}

/// <summary>Answer of /healthz and /readyz.</summary>
/// <param name="Status"><c>ok</c>, or <c>unreachable</c>: the directory.</param>
/// <param name="Detail">What is wrong; null if nothing is.</param>
internal sealed record DashboardHealth(string Status, string? Detail);

/// <summary>Answer of /api/fleet.</summary>
/// <param name="AsOf">When it was read, by the directory's clock.</param>
/// <param name="Instances">All instances that the directory knows.</param>
/// <param name="Unreadable">Instances whose entry can't be read.</param>
internal sealed record FleetAnswer(DateTimeOffset AsOf, IReadOnlyList<FleetMember> Instances, IReadOnlyList<string> Unreadable);

/// <summary>An instance of the fleet.</summary>
/// <param name="InstanceId">Its id.</param>
/// <param name="Standing">How it is seen.</param>
/// <param name="Phase">Its phase when it last spoke.</param>
/// <param name="Topology">How it belongs to the fleet.</param>
/// <param name="Epoch">Its life.</param>
/// <param name="InFlight">What it had in flight.</param>
/// <param name="HeardAt">When it was heard, by the directory's clock.</param>
internal sealed record FleetMember(
    string InstanceId, Standing Standing, InstancePhase Phase, FleetTopology Topology, long Epoch, int InFlight, DateTimeOffset HeardAt);

[JsonSerializable(typeof(DashboardHealth))]
[JsonSerializable(typeof(FleetAnswer))]
internal sealed partial class DashboardJson : JsonSerializerContext;
