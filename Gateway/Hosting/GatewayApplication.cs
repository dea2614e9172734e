using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Dashboard;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Gateway.Forwarding;
using NoslateFleet.Gateway.Functions;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Routing;
using NoslateFleet.Gateway.Supervision;
using NoslateFleet.Gateway.Telemetry;
using NoslateFleet.Gateway.Telemetry.Prometheus;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Hosting;

/// <summary>Puts the gateway's process together.</summary>
public static class GatewayApplication
{
    // A stop has ended before the host's own shutdown begins; what that closes is idle.
    private static readonly TimeSpan _shutdownSlack = TimeSpan.FromSeconds(5);

    /// <summary>Builds the process. The web application in it is the admin port; the platform port is a server of its own beside it.</summary>
    /// <param name="args">The command line: any key as <c>--Platform:Port=9000</c>.</param>
    /// <param name="configure">
    /// Changes to the builder, before it is built; null for none. What it finds wrong with the configuration, it throws as a
    /// <see cref="ConfigurationErrorsException"/>; the gateway's own errors are added.
    /// </param>
    /// <returns>The application, not started.</returns>
    /// <exception cref="ConfigurationErrorsException">The configuration can't be used; all errors are in it.</exception>
    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            Args = args,

            // Settings beside the program, wherever it is started from; functions.json is looked for where it is started.
            ContentRootPath = AppContext.BaseDirectory,
        });
        GatewayConfiguration.AddGateway(builder.Configuration, args);
        IReadOnlyList<string> otherErrors = [];
        try
        {
            configure?.Invoke(builder);
        }
        catch (ConfigurationErrorsException error)
        {
            // Told together with the gateway's own.
            otherErrors = error.Errors;
        }

        var options = GatewayOptionsLoader.Load(builder.Configuration, otherErrors);

        // A line of a request's head ends with CR LF. Whoever stands before this server may take a lone LF for a part of a value.
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
        builder.Services.AddSingleton<LoggerFactory>();
        builder.Services.AddSingleton<ILoggerFactory>(provider => new ServerLogs(provider.GetRequiredService<LoggerFactory>()));
        builder.Services.AddGateway(options);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Parse(options.Admin.Address), options.Admin.Port);
        });
        var app = builder.Build();
        app.MapAdmin();
        app.MapDashboard();
        foreach (var key in options.UnknownKeys)
        {
            GatewayLog.UnknownKey(app.Logger, key);
        }

        return app;
    }

    /// <summary>Where the platform port of a started gateway listens, such as <c>http://0.0.0.0:9000</c>.</summary>
    /// <param name="app">A gateway that <see cref="Build"/> made and that has started.</param>
    public static string PlatformAddress(this WebApplication app) => app.Services.GetRequiredService<PlatformServer>().Address;

    /// <summary>Where a started gateway speaks HTTP/2 in clear text; null if that is off.</summary>
    /// <param name="app">A gateway that <see cref="Build"/> made and that has started.</param>
    public static string? PlatformHttp2Address(this WebApplication app) => app.Services.GetRequiredService<PlatformServer>().Http2Address;

    /// <summary>The exit code of the process, once the gateway has stopped: 0, or 4 when the node beside it could not be kept running.</summary>
    /// <param name="app">A gateway that <see cref="Build"/> made and that has stopped.</param>
    public static int ExitCode(this WebApplication app) => app.Services.GetService<NodeSupervisor>() is { GaveUp: true } ? NodeSupervisor.GaveUpExitCode : 0;

    private static void AddGateway(this IServiceCollection services, GatewayOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(options.Platform);
        services.AddSingleton(options.Admin);
        services.AddSingleton<IAdminAuthenticator, AdminTokens>();
        services.AddSingleton<TokenFailures>();
        services.AddSingleton<FleetEvents>();
        services.AddApiDescription();
        services.AddSingleton(options.Forwarding);
        services.AddSingleton(options.Limits);
        services.AddSingleton(options.Routing);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options.Lifecycle);
        services.AddSingleton(options.Admission);
        services.AddSingleton<InvocationLedger>();
        services.AddSingleton<AdmissionController>();

        // Straight to admission; a fleet's silo puts its function grains between.
        services.TryAddSingleton<IInvocationGate, DirectGate>();
        AddLifecycle(services, options);
        services.AddSingleton<INoslateNode>(provider => new NoslateNode(
            options.Node, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton<Router>();
        services.AddSingleton<Forwarder>();
        services.AddSingleton<PlatformApplication>();
        services.AddSingleton<PlatformServer>();
        if (options.Supervision.Supervise)
        {
            // First to start and last to stop: the node is there as long as anything is served.
            services.AddSingleton<NodeSupervisor>();
            services.AddHostedService(provider => provider.GetRequiredService<NodeSupervisor>());
        }

        services.AddSingleton<NodeService>();
        services.AddHostedService(provider => provider.GetRequiredService<NodeService>());
        services.AddHostedService(provider => provider.GetRequiredService<LifecycleService>());
        services.AddHostedService(provider => provider.GetRequiredService<PlatformServer>());
    }

    private static void AddTelemetry(IServiceCollection services, GatewayOptions options)
    {
        services.AddSingleton(options.Telemetry);
        services.AddSingleton(provider => new FunctionLabels(
            options.Telemetry.MaxFunctions,
            new KnownFunctions(provider.GetRequiredService<INoslateNode>(), provider.GetRequiredService<FunctionBoard>()).Exists));
        services.AddSingleton<FleetMetrics>();
        services.AddSingleton<MetricCollector>();
        services.AddSingleton<RequestLog>();
        services.AddSingleton<InvocationTelemetry>();
        services.AddSingleton<OpenTelemetryExport>();
        services.AddSingleton<IFlushed>(provider => provider.GetRequiredService<RequestLog>());
        services.AddSingleton<IFlushed>(provider => provider.GetRequiredService<OpenTelemetryExport>());
        services.AddHostedService(provider => provider.GetRequiredService<OpenTelemetryExport>());
    }

    private static void AddLifecycle(IServiceCollection services, GatewayOptions options)
    {
        services.AddSingleton<FunctionBoard>();
        services.AddSingleton<FunctionWatch>();
        services.AddFleet(options);
        services.AddFleetOrders(options);
        services.AddDashboard(options.Dashboard);
        services.AddSingleton<Connections>();
        services.AddSingleton<IInvocations, GatewayInvocations>();
        services.AddSingleton<DrainIntentFile>();
        services.AddSingleton<Readiness>();
        services.AddSingleton<IInstanceWork, GatewayWork>();
        services.AddSingleton<PlatformTrust>();
        services.AddSingleton<HookRunner>();
        services.TryAddSingleton<IMarkerOutput, StandardOutput>();
        services.AddSingleton<InvocationMarkers>();
        services.AddSingleton<IFlushed>(provider => provider.GetRequiredService<InvocationMarkers>());
        AddTelemetry(services, options);
        services.AddSingleton(provider => new FlightRecorder(FlightRecorder.DefaultCapacity, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new InstanceLifecycle(
            InstanceIdentity.OfThisProcess(options.Lifecycle.InstanceId),
            provider.GetRequiredService<IInstanceWork>(),
            provider.GetRequiredService<IInvocations>(),
            options.Lifecycle.Budgets,
            provider.GetRequiredService<FlightRecorder>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ReceiptBook>();
        services.AddSingleton<Rehearsal>();
        services.AddSingleton<LifecycleService>();

        // In place of the host's own: the listeners stay open until the instance is drained.
        services.AddSingleton<IHostLifetime, DrainOnSignal>();
        services.Configure<HostOptions>(host => host.ShutdownTimeout = options.Lifecycle.Budgets.Stop + options.Supervision.StopGrace + _shutdownSlack);
    }
}
