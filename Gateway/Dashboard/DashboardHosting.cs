using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Fleet;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>
/// Puts the dashboard onto any web application in which the four faces of a fleet directory, <see cref="AdminOptions"/> and the platform's options are
/// registered: a gateway's admin port, or a process that is nothing but a dashboard.
/// </summary>
internal static class DashboardHosting
{
    /// <summary>Registers what the dashboard needs.</summary>
    /// <param name="services">The services.</param>
    /// <param name="options">Its options, validated.</param>
    public static void AddDashboard(this IServiceCollection services, DashboardOptions options)
    {
        services.AddSingleton(options);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IAdminAuthenticator, AdminTokens>();
        services.TryAddSingleton<TokenFailures>();
        services.TryAddSingleton(static provider => new FleetView(
            provider.GetRequiredService<IFleetDirectory>(),
            provider.GetRequiredService<IFleetNotices>(),
            provider.GetService<FleetOptions>()?.Standing ?? new StandingOptions(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<FleetView>>()));
        services.AddSingleton<DashboardAssets>();
        services.AddSingleton<DashboardSessions>();
        services.AddSingleton<DashboardAccess>();
        services.AddSingleton<PageRenderer>();
        services.AddSingleton<DashboardReadings>();
        services.AddSingleton<OwnSettings>();
        services.AddSingleton<DashboardPages>();
        services.AddSingleton<DashboardActions>();
        services.AddSingleton<DashboardEvents>();
    }

    /// <summary>Serves the dashboard below <c>/dashboard</c>, and leads there from <c>/</c>; nothing if it is switched off.</summary>
    /// <param name="app">The application.</param>
    public static void MapDashboard(this WebApplication app)
    {
        if (!app.Services.GetRequiredService<DashboardOptions>().Enabled)
        {
            return;
        }

        var pages = app.Services.GetRequiredService<DashboardPages>();
        var actions = app.Services.GetRequiredService<DashboardActions>();
        var events = app.Services.GetRequiredService<DashboardEvents>();
        app.MapGet(DashboardPages.Door, static context =>
        {
            context.Response.Redirect(DashboardPages.Root);
            return Task.CompletedTask;
        });
        app.MapGet(DashboardPages.Root, (RequestDelegate)pages.FleetAsync);
        app.MapGet(DashboardPages.Root + "/function", (RequestDelegate)pages.FunctionAsync);
        app.MapGet(DashboardPages.Root + "/instance", (RequestDelegate)pages.InstanceAsync);
        app.MapGet(DashboardPages.Root + "/profiles", (RequestDelegate)pages.ProfilesAsync);
        app.MapGet(DashboardPages.Root + "/events", (RequestDelegate)events.StreamAsync);
        app.MapGet(DashboardAssets.Folder + "{name}", (RequestDelegate)pages.AssetAsync);
        app.MapGet(DashboardPages.Root + "/sign-in", (RequestDelegate)actions.SignInPageAsync);
        app.MapPost(DashboardPages.Root + "/sign-in", (RequestDelegate)actions.SignInAsync);
        app.MapPost(DashboardPages.Root + "/sign-out", (RequestDelegate)actions.SignOutAsync);
        app.MapGet(DashboardPages.Root + "/order", (RequestDelegate)actions.OrderPageAsync);
        app.MapPost(DashboardPages.Root + "/order", (RequestDelegate)actions.OrderAsync);
        app.MapGet(DashboardPages.Root + "/profiles/edit", (RequestDelegate)actions.EditPageAsync);
        app.MapPost(DashboardPages.Root + "/profiles/check", (RequestDelegate)actions.CheckAsync);
        app.MapPost(DashboardPages.Root + "/profiles/set", (RequestDelegate)actions.SetAsync);
        app.MapGet(DashboardPages.Root + "/profiles/roll-back", (RequestDelegate)actions.RollBackPageAsync);
        app.MapPost(DashboardPages.Root + "/profiles/roll-back", (RequestDelegate)actions.RollBackAsync);
        app.MapFallback(DashboardPages.Root + "/{**rest}", (RequestDelegate)pages.NothingAsync);
    }
}
