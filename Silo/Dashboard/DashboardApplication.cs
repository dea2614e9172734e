using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Dashboard;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Silo.Configuration;
using NoslateFleet.Silo.Orders;
using NoslateFleet.Silo.Redis;

namespace NoslateFleet.Silo.Dashboard;

/// <summary>
/// <c>Silo --dashboard-only</c>: the admin port without an instance behind it: the dashboard, and all of /api/fleet. It reads the fleet's directory, publishes
/// nothing, serves no function and is no silo; to a Mesh it gives orders as an Orleans client.
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
        var (settings, errors) = SettingsOf(builder.Configuration);
        var options = GatewayOptionsLoader.LoadAdminPort(builder.Configuration, errors);
        builder.Services.AddSingleton(options.Admin);
        builder.Services.AddSingleton(options.Platform);
        builder.Services.AddSingleton(options.Fleet);
        builder.Services.AddNoslateFleetRedis(builder.Configuration);
        builder.Services.AddSingleton(settings!);
        builder.Services.AddSingleton<MeshClient>();
        builder.Services.AddMeshOrders(static provider => provider.GetRequiredService<MeshClient>().ConnectAsync);
        builder.Services.AddSingleton(new ProfileReader(Directory.GetCurrentDirectory()));
        builder.Services.AddSingleton<FleetEvents>();
        builder.Services.AddApiDescription();
        builder.Services.AddDashboard(options.Dashboard);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Parse(options.Admin.Address), options.Admin.Port);
        });
        var app = builder.Build();
        app.UseAdminAccess(options.Admin, options.Platform);
        app.MapHealth("/healthz", static context => WriteAsync(context, StatusCodes.Status200OK, new DashboardHealth("ok", null), _json.DashboardHealth));
        app.MapHealth("/readyz", static context => ReadyAsync(context));
        app.MapFleet();
        app.MapApiDescription();
        app.MapDashboard();
        return app;
    }

    private static (SiloSettings? Settings, IReadOnlyList<string> Errors) SettingsOf(IConfiguration configuration)
    {
        try
        {
            return (SiloSettingsLoader.LoadForTool(configuration), []);
        }
        catch (ConfigurationErrorsException error)
        {
            return (null, error.Errors);
        }
    }

    private static async Task ReadyAsync(HttpContext context)
    {
        try
        {
            await context.RequestServices.GetRequiredService<IFleetDirectory>().ReadChangesAsync(DirectoryVersion.None, 1, context.RequestAborted);
            await WriteAsync(context, StatusCodes.Status200OK, new DashboardHealth("ok", null), _json.DashboardHealth);
        }
        catch (FleetDirectoryException)
        {
            // Its message may name addresses, and whoever asks this needs no token.
            await UnreachedAsync(context);
        }
    }

    private static Task UnreachedAsync(HttpContext context) => WriteAsync(
        context,
        StatusCodes.Status503ServiceUnavailable,
        new DashboardHealth("unreachable", "the fleet's directory can't be reached; the log tells why"),
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

[JsonSerializable(typeof(DashboardHealth))]
internal sealed partial class DashboardJson : JsonSerializerContext;
