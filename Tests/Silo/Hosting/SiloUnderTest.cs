using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Supervision;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Silo.Hosting;
using NoslateFleet.Silo.Invocations;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Silo.Hosting;

/// <summary>
/// The fleet's process inside the test's: a real gateway, with an emulated node if one is asked for, whose one function is <c>echo</c>, and a real silo behind it.
/// </summary>
internal sealed class SiloUnderTest : IAsyncDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly WebApplication _app;
    private EmulatedNode? _node;

    private SiloUnderTest(string[] settings)
    {
        _app = SiloApplication.Build(
        [
            "--Node:Workdir=" + _directory.Path, "--Platform:Address=127.0.0.1", "--Platform:Port=0", "--Admin:Port=0", "--Platform:Mode=Open",
            "--Lifecycle:StopBudget=5s", "--Logging:LogLevel:Default=None", "--Silo:Supervision:RetryMin=50ms", "--Silo:Supervision:RestartSpread=50ms",
            "--Silo:RowCheckInterval=100ms", .. settings,
        ],
        builder => builder.Logging.AddProvider(new LogRecorder(Logged)).AddFilter<LogRecorder>("NoslateFleet", LogLevel.Information));
    }

    public SupervisorState State => _app.Services.GetRequiredService<SiloService>().State;

    public SiloPart Part => _app.Services.GetRequiredService<SiloPart>();

    public bool GrainsAreOpen => _app.Services.GetRequiredService<ILocalGrains>().Factory is not null;

    /// <summary>What the product logged, from Information on.</summary>
    public ConcurrentQueue<string> Logged { get; } = new();

    /// <summary>Where invocations go.</summary>
    public Uri Platform => new(_app.PlatformAddress());

    public Uri Admin => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public IServiceProvider Services => _app.Services;

    public static async Task<SiloUnderTest> StartAsync(params string[] settings)
    {
        var it = new SiloUnderTest(settings);
        await it._app.StartAsync();
        return it;
    }

    public static Task<SiloUnderTest> StartMeshAsync(RedisServer redis, string id, params string[] settings) =>
        StartAsync([.. MeshOf(redis.Endpoint, id), .. settings]);

    /// <summary>The settings of a Mesh.</summary>
    public static string[] MeshOf(string redis, string id) =>
    [
        "--Silo:Topology=Mesh", "--Silo:Address=127.0.0.1", $"--Silo:Port={FreePort.Next()}", $"--Silo:ClientPort={FreePort.Next()}",
        "--Redis:Endpoints=" + redis, "--Lifecycle:InstanceId=" + id,
    ];

    /// <summary>Starts it beside a node, and waits until it serves.</summary>
    public static async Task<SiloUnderTest> StartWithNodeAsync(params string[] settings)
    {
        var it = new SiloUnderTest(["--Telemetry:RequestLog=Off", .. settings]);
        it._node = new EmulatedNode(new EmulatorOptions { Workdir = it._directory.Path, BuiltInEcho = true });
        await it._node.StartAsync();
        await it._app.StartAsync();
        using var client = new HttpClient { BaseAddress = it.Platform };
        await Until.TrueAsync(
            async () =>
            {
                using var answer = await client.PostAsync("/invoke/echo", new StringContent("ready?"));
                return answer.IsSuccessStatusCode;
            },
            "it does not serve");
        return it;
    }

    public Task UpAsync(long life = 1) => Until.TrueAsync(
        () => State is { Phase: SupervisedPhase.Up } state && state.Life >= life && GrainsAreOpen,
        $"life {life} of the silo does not come up: {State}");

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        if (_node is not null)
        {
            await _node.DisposeAsync();
        }

        _directory.Dispose();
    }
}
