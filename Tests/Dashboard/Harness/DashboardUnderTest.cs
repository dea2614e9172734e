using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Dashboard;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Dashboard.Harness;

/// <summary>
/// A dashboard without an instance behind it, on a real port, over a directory whose clock the test moves. When it is disposed it checks that no Error was
/// logged.
/// </summary>
internal sealed class DashboardUnderTest : IAsyncDisposable
{
    public const string Token = "a-token-of-the-test";

    private readonly WebApplication _app;
    private readonly LogWatch _logs;

    private DashboardUnderTest(WebApplication app, LogWatch logs, FaultyDirectory directory)
    {
        _app = app;
        _logs = logs;
        Directory = directory;
        Address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new Uri(Address) };
    }

    public string Address { get; }

    /// <summary>A client without cookies, that follows no redirect.</summary>
    public HttpClient Http { get; }

    public FaultyDirectory Directory { get; }

    public InMemoryFleetDirectory Fleet => Directory.Inner;

    public ManualTimeProvider Clock => Directory.Clock;

    public FleetView View => _app.Services.GetRequiredService<FleetView>();

    /// <summary>All that it serves, as method and path.</summary>
    public IEnumerable<(string Method, string Path)> Endpoints => _app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        .SelectMany(static endpoint => (endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["*"])
            .Select(method => (method, endpoint.RoutePattern.RawText!)));

    public IEnumerable<string> Log => _logs.Lines;

    /// <summary>Starts one.</summary>
    /// <param name="open">Whether loopback is believed; else a token is needed.</param>
    /// <param name="token">The token; null for none.</param>
    /// <param name="options">Changes the options.</param>
    /// <param name="configure">Changes the services.</param>
    /// <param name="oneClock">Whether the dashboard goes by the directory's clock; else by the system's.</param>
    public static async Task<DashboardUnderTest> StartAsync(
        bool open = true, string? token = null, Action<DashboardOptions>? options = null, Action<IServiceCollection>? configure = null, bool oneClock = false)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        var logs = new LogWatch();
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(logs);
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var directory = new FaultyDirectory();
        var dashboard = new DashboardOptions();
        options?.Invoke(dashboard);
        builder.Services.AddSingleton(new AdminOptions { Token = token });
        builder.Services.AddSingleton(new PlatformOptions { Mode = open ? PlatformMode.Open : PlatformMode.Kubernetes });
        builder.Services.AddSingleton<IFleetDirectory>(directory);
        builder.Services.AddSingleton<IFleetOrders>(directory.Inner);
        builder.Services.AddSingleton<IFleetProfiles>(directory.Inner);
        builder.Services.AddSingleton<IFleetNotices>(directory.Inner);
        if (oneClock)
        {
            builder.Services.AddSingleton<TimeProvider>(directory.Clock);
        }

        configure?.Invoke(builder.Services);
        builder.Services.AddDashboard(dashboard);
        var app = builder.Build();
        app.MapDashboard();
        await app.StartAsync();
        return new DashboardUnderTest(app, logs, directory);
    }

    public async Task<string> GetAsync(string path, string? language = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (language is not null)
        {
            request.Headers.Add("Accept-Language", language);
        }

        using var response = await Http.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode, $"{path}: {response.StatusCode}");
        return await response.Content.ReadAsStringAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        Directory.Heal();

        // Disposing alone would take the services away from a stream whose reader's end has not been seen yet.
        await _app.StopAsync();
        await _app.DisposeAsync();
        Assert.True(!_logs.Errors.Any(), string.Join(Environment.NewLine, _logs.Errors));
    }
}

/// <summary>A directory in this process that can be cut off.</summary>
internal sealed class FaultyDirectory : IFleetDirectory
{
    private volatile TaskCompletionSource? _silent;
    private volatile bool _broken;

    public FaultyDirectory() => Inner = new InMemoryFleetDirectory(Clock);

    public ManualTimeProvider Clock { get; } = new();

    public InMemoryFleetDirectory Inner { get; }

    /// <summary>How often it was asked for changes.</summary>
    public int Reads;

    /// <summary>It throws from now on.</summary>
    public void Break() => _broken = true;

    /// <summary>It answers nothing from now on.</summary>
    public void Silence() => _silent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>It works again.</summary>
    public void Heal()
    {
        _broken = false;
        _silent?.TrySetResult();
        _silent = null;
    }

    public Task<PublishResult> PublishAsync(InstanceSnapshot snapshot, CancellationToken cancellationToken) => Inner.PublishAsync(snapshot, cancellationToken);

    public Task AppendAsync(string instanceId, IReadOnlyList<InstanceRecord> records, CancellationToken cancellationToken) =>
        Inner.AppendAsync(instanceId, records, cancellationToken);

    public Task<DirectoryView> ReadAllAsync(CancellationToken cancellationToken) => throw new InvalidOperationException("a dashboard reads changes");

    public Task<DirectoryEntry?> ReadAsync(string instanceId, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("a dashboard reads changes");

    public async Task<DirectoryPage> ReadChangesAsync(DirectoryVersion since, int limit, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref Reads);
        await PassAsync();
        return await Inner.ReadChangesAsync(since, limit, cancellationToken);
    }

    public async Task<IReadOnlyList<InstanceRecord>> ReadRecordsAsync(string instanceId, CancellationToken cancellationToken)
    {
        await PassAsync();
        return await Inner.ReadRecordsAsync(instanceId, cancellationToken);
    }

    private async Task PassAsync()
    {
        if (_broken)
        {
            throw new FleetDirectoryException("the directory <b>is</b> broken by the test");
        }

        if (_silent is { } silent)
        {
            await silent.Task;
        }
    }
}
