using System.Diagnostics;
using System.Net;
using System.Text.Json;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Cluster.Harness;

/// <summary>One instance: a silo's process and an emulator's, in a directory of their own, on ports of their own.</summary>
internal sealed class SiloInstance : IAsyncDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly string[] _settings;
    private RunningProcess? _emulator;
    private RunningProcess? _silo;

    public SiloInstance(string id, params string[] settings)
    {
        Id = id;
        (Port, AdminPort) = (FreePort.Next(), FreePort.Next());
        _settings = settings;
        Http = Client(Port);
        Admin = Client(AdminPort);
        File.WriteAllText(_directory.Combine("functions.json"), JsonSerializer.Serialize(new
        {
            functions = new[]
            {
                new
                {
                    name = "work",
                    runtime = "nodejs",
                    url = new Uri(Repository.PathOf("Tests", "Functional", "Gateway", "functions", "large")).AbsoluteUri,
                    signature = "1",
                    handler = "index.handler",
                },
            },
        }));
    }

    public string Id { get; }

    public int Port { get; }

    public int AdminPort { get; }

    public HttpClient Http { get; }

    public HttpClient Admin { get; }

    public RunningProcess Silo => _silo!;

    /// <summary>Whether its process is meant to run: a load counts what it can't reach otherwise as a failure.</summary>
    public bool IsMeantToRun { get; private set; }

    /// <summary>A path in its directory.</summary>
    public string PathOf(string name) => _directory.Combine(name);

    /// <summary>Starts the emulator and the silo's process, and waits until it serves. The silo may join later.</summary>
    public async Task StartAsync()
    {
        Requires.Node();
        _emulator = new RunningProcess("NoslateFleet.Emulator.dll", _directory.Path, ["--workdir", _directory.Path]);
        await _emulator.SaysAsync("emulator: ready");
        await StartSiloAsync();
    }

    /// <summary>Starts the silo's process, the first time or again, and waits until it serves.</summary>
    public async Task StartSiloAsync()
    {
        if (_silo is not null)
        {
            await _silo.DisposeAsync();
        }

        _silo = new RunningProcess(
            "NoslateFleet.Silo.dll",
            _directory.Path,
            [
                "--Node:Workdir=" + _directory.Path, "--Platform:Address=127.0.0.1", $"--Platform:Port={Port}", $"--Admin:Port={AdminPort}",
                "--Platform:Mode=Open", "--Lifecycle:InstanceId=" + Id, "--Lifecycle:StopBudget=20s", .. _settings,
            ]);
        await Until.TrueAsync(
            async () =>
            {
                if (_silo.HasExited)
                {
                    throw new InvalidOperationException($"{Id} ended: {_silo.Output}{_silo.Error}");
                }

                try
                {
                    using var ready = await Admin.GetAsync("/readyz");
                    return ready.StatusCode == HttpStatusCode.OK;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            $"{Id} does not become ready");
        IsMeantToRun = true;
    }

    /// <summary>Waits until its silo is up, for the given time in this process's life.</summary>
    public Task UpAsync(int life = 1) => Silo.SaysAsync($", life {life})");

    public void Freeze() => Silo.Send(ProcessSignal.Stop);

    public void Thaw() => Silo.Send(ProcessSignal.Continue);

    /// <summary>As kill -9.</summary>
    public async Task KillAsync()
    {
        IsMeantToRun = false;
        Silo.KillHard();
        await Silo.ExitAsync();
    }

    /// <summary>SIGTERM; waits for the end, which must be a clean one.</summary>
    public async Task TerminateAsync()
    {
        IsMeantToRun = false;
        Silo.Terminate();
        Assert.Equal(0, await Silo.ExitAsync());
    }

    /// <summary>Answer of /api/instance.</summary>
    public async Task<JsonElement> ReadAsync()
    {
        using var document = JsonDocument.Parse(await Admin.GetStringAsync("/api/instance"));
        return document.RootElement.Clone();
    }

    /// <summary>How the fleet's view shows another instance, asked here.</summary>
    /// <returns>Null if it is not listed, or the directory can't be read.</returns>
    public async Task<SeenInstance?> SeesAsync(SiloInstance other)
    {
        using var answer = await Admin.GetAsync("/api/fleet");
        if (!answer.IsSuccessStatusCode)
        {
            return null;
        }

        using var document = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        foreach (var line in document.RootElement.GetProperty("instances").EnumerateArray())
        {
            if (line.GetProperty("instanceId").GetString() == other.Id)
            {
                return new SeenInstance(
                    Enum.Parse<Standing>(line.GetProperty("standing").GetString()!, ignoreCase: true),
                    line.GetProperty("inFlight").GetInt32(),
                    line.GetProperty("ending").GetBoolean());
            }
        }

        return null;
    }

    /// <summary>Waits until the fleet's view, asked here, shows another instance so.</summary>
    public async Task SeesAsync(SiloInstance other, Func<SeenInstance, bool> shown, string otherwise)
    {
        await Until.TrueAsync(async () => await SeesAsync(other) is { } seen && shown(seen), $"{Id} does not see {other.Id} {otherwise}");
    }

    /// <summary>Waits until the fleet's view, asked here, gives another instance this standing.</summary>
    public Task SeesAsync(SiloInstance other, Standing standing) => SeesAsync(other, seen => seen.Standing == standing, standing.ToString());

    /// <summary>Begins work there that goes on until <see cref="EndWork"/>, and waits until it runs.</summary>
    /// <param name="name">Tells it from other work.</param>
    /// <param name="head">Whether the response begins before the work ends, so that its length is not told.</param>
    /// <returns>The response, once its head is there.</returns>
    public async Task<Task<HttpResponseMessage>> BeginWorkAsync(string name, bool head = false)
    {
        var path = $"/invoke/work/wait?touch={PathOf(name + ".begun")}&until={PathOf(name + ".end")}{(head ? "&head" : "")}";
        var response = Http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
        await Until.TrueAsync(
            () => File.Exists(PathOf(name + ".begun")) || (response.IsFaulted ? throw response.Exception! : false), $"{name} does not begin at {Id}");
        return response;
    }

    /// <summary>Ends it.</summary>
    public void EndWork(string name) => File.WriteAllText(PathOf(name + ".end"), "");

    /// <summary>Thaws it, and checks that it serves within a second, and then once more.</summary>
    public async Task ThawAndServeAsync()
    {
        var began = Stopwatch.GetTimestamp();
        Thaw();
        await ServeAsync();
        var first = Stopwatch.GetElapsedTime(began);

        // A machine that is busy takes longer for any request, and for the many things that a first one is made of.
        began = Stopwatch.GetTimestamp();
        await ServeAsync();
        Assert.InRange(first, TimeSpan.Zero, TimeSpan.FromSeconds(1) + (10 * Stopwatch.GetElapsedTime(began)));
    }

    /// <summary>Waits until nothing runs there, and checks that all it accepted is accounted for.</summary>
    /// <returns>How many it has accepted.</returns>
    public async Task<long> ConservedAsync()
    {
        JsonElement counts = default;
        await Until.TrueAsync(
            async () =>
            {
                counts = (await ReadAsync()).GetProperty("invocations");
                return Of("inFlight") == 0;
            },
            $"{Id} still has work in flight");
        Assert.Equal(Of("accepted"), Of("completed") + Of("failed") + Of("cancelled") + Of("abandoned"));
        return Of("accepted");

        long Of(string name) => counts.GetProperty(name).GetInt64();
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        Admin.Dispose();
        if (_silo is not null)
        {
            await _silo.DisposeAsync();
        }

        if (_emulator is not null)
        {
            _emulator.Terminate();
            await _emulator.ExitAsync();
            await _emulator.DisposeAsync();
        }

        _directory.Dispose();
    }

    private async Task ServeAsync()
    {
        using var answer = await Http.GetAsync("/invoke/work");
        Assert.Equal("ok", await answer.Content.ReadAsStringAsync());
    }

    private static HttpClient Client(int port) => new(new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = 64 })
    {
        BaseAddress = new Uri($"http://127.0.0.1:{port}"),
        Timeout = TimeSpan.FromSeconds(60),
    };
}
