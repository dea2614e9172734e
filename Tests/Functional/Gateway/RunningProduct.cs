using System.Net;
using System.Text.Json;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.Gateway;

/// <summary>Emulator and gateway as users run them: two processes, in a directory of their own, on free ports.</summary>
internal sealed class RunningProduct : IAsyncDisposable
{
    private const string Emulated = "NoslateFleet.Emulator.dll";
    private const string GatewayProgram = "NoslateFleet.Gateway.dll";

    private readonly TempDirectory _directory = new();
    private RunningProcess? _emulator;
    private RunningProcess? _gateway;

    public RunningProduct()
    {
        (Port, AdminPort) = (FreePort.Next(), FreePort.Next());
        Http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{Port}"), Timeout = TimeSpan.FromSeconds(60) };
        Admin = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{AdminPort}"), Timeout = TimeSpan.FromSeconds(60) };
        File.WriteAllText(_directory.Combine("functions.json"), JsonSerializer.Serialize(new
        {
            functions = new[]
            {
                new
                {
                    name = "large",
                    runtime = "nodejs",
                    url = new Uri(Repository.PathOf("Tests", "Functional", "Gateway", "functions", "large")).AbsoluteUri,
                    signature = "1",
                    handler = "index.handler",
                },
            },
        }));
    }

    /// <summary>The gateway's settings beyond the usual ones; the later wins.</summary>
    public string[] Settings { get; init; } = [];

    /// <summary>A program, with its arguments, that starts the gateway, such as <c>env</c>; empty for none.</summary>
    public string[] Behind { get; init; } = [];

    public int Port { get; }

    public int AdminPort { get; }

    public HttpClient Http { get; }

    public HttpClient Admin { get; }

    public RunningProcess Emulator => _emulator!;

    public RunningProcess Gateway => _gateway!;

    /// <summary>Starts both and waits until the gateway is ready.</summary>
    /// <param name="settings">The gateway's settings beyond the usual ones.</param>
    public static Task<RunningProduct> StartAsync(params string[] settings) => StartBehindAsync([], settings);

    /// <summary>The same, with a gateway that another program starts.</summary>
    public static async Task<RunningProduct> StartBehindAsync(string[] before, params string[] settings)
    {
        Requires.Node();
        var product = new RunningProduct { Settings = settings, Behind = before };
        try
        {
            await product.StartEmulatorAsync();
            await product.StartGatewayAsync(settings);
            await product.ReadyAsync();
            return product;
        }
        catch
        {
            await product.DisposeAsync();
            throw;
        }
    }

    /// <summary>A path in the product's directory.</summary>
    public string PathOf(string name) => _directory.Combine(name);

    public async Task StartEmulatorAsync()
    {
        if (_emulator is not null)
        {
            await _emulator.DisposeAsync();
        }

        _emulator = new RunningProcess(Emulated, _directory.Path, ["--workdir", _directory.Path]);
        await _emulator.SaysAsync("emulator: ready");
    }

    public async Task StartGatewayAsync(params string[] settings)
    {
        if (_gateway is not null)
        {
            await _gateway.DisposeAsync();
        }

        _gateway = NewGateway(settings);

        // The admin port opens last.
        await Until.TrueAsync(
            async () =>
            {
                if (_gateway.HasExited)
                {
                    throw new InvalidOperationException("the gateway ended: " + _gateway.Output + _gateway.Error);
                }

                try
                {
                    using var live = await Admin.GetAsync("/healthz");
                    return live.IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            "the gateway does not start");
    }

    /// <summary>A gateway process with this product's settings and others; the caller's to dispose.</summary>
    public RunningProcess NewGateway(params string[] settings) => NewGatewayBehind(Behind, settings);

    /// <summary>The same, started by another program such as <c>unshare</c>.</summary>
    public RunningProcess NewGatewayBehind(string[] before, string[] settings) => new(
        GatewayProgram,
        _directory.Path,
        [
            "--Node:Workdir=" + _directory.Path, "--Platform:Address=127.0.0.1", $"--Platform:Port={Port}", $"--Admin:Port={AdminPort}", "--Platform:Mode=Open",
            .. Settings, .. settings,
        ],
        before);

    /// <summary>Runs <c>Gateway hook NAME</c> as an exec hook does.</summary>
    /// <returns>Its exit code and all it said.</returns>
    public async Task<(int Code, string Said)> HookAsync(string name, params string[] settings)
    {
        await using var hook = new RunningProcess(GatewayProgram, _directory.Path, ["hook", name, $"--Admin:Port={AdminPort}", .. settings]);
        var code = await hook.ExitAsync();
        return (code, hook.Output + hook.Error);
    }

    public Task ReadyAsync() => Until.TrueAsync(
        async () =>
        {
            using var answer = await Admin.GetAsync("/readyz");
            return answer.StatusCode == HttpStatusCode.OK;
        },
        "the gateway does not become ready");

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        Admin.Dispose();
        if (_gateway is not null)
        {
            await _gateway.DisposeAsync();
        }

        if (_emulator is not null)
        {
            if (!_emulator.HasExited)
            {
                _emulator.Terminate();
                await _emulator.ExitAsync();
            }

            await _emulator.DisposeAsync();
        }

        _directory.Dispose();
    }
}
