using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Gateway.Harness;

/// <summary>
/// A real gateway before a real emulated node, both in this process; workers are real node processes. When it is disposed it checks
/// the conservation law, and that no Error was logged.
/// </summary>
internal sealed class GatewayUnderTest : IAsyncDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    private readonly WebApplication _app;
    private readonly LogWatch _logs;

    private GatewayUnderTest(string directory, EmulatedNode? node, WebApplication app, LogWatch logs)
    {
        Directory = directory;
        Node = node;
        _app = app;
        _logs = logs;
        Port = new Uri(app.PlatformAddress().Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal)).Port;
        Http2Port = app.PlatformHttp2Address() is { } http2 ? new Uri(http2).Port : 0;
        AdminPort = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
        Http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false, ActivityHeadersPropagator = null })
        {
            BaseAddress = new Uri($"http://127.0.0.1:{Port}"),
            Timeout = _limit,
        };
        Admin = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{AdminPort}"), Timeout = _limit };
    }

    public string Directory { get; }

    public EmulatedNode? Node { get; }

    public int Port { get; }

    /// <summary>The port of HTTP/2; 0 when it is off.</summary>
    public int Http2Port { get; }

    public int AdminPort { get; }

    public HttpClient Http { get; }

    public HttpClient Admin { get; }

    public InvocationLedger Ledger => _app.Services.GetRequiredService<InvocationLedger>();

    public FunctionBoard Board => _app.Services.GetRequiredService<FunctionBoard>();

    public InstanceLifecycle Lifecycle => _app.Services.GetRequiredService<InstanceLifecycle>();

    /// <summary>One of the gateway's own services.</summary>
    public T Service<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    public INoslateNode Client => _app.Services.GetRequiredService<INoslateNode>();

    public IEnumerable<string> Log => _logs.Lines;

    public IEnumerable<(LogLevel Level, string Line)> LeveledLog => _logs.Entries;

    /// <summary>Error lines that this test brings about on purpose contain this; null if none may be logged.</summary>
    public string? ExpectedError { get; set; }

    /// <summary>The functions that every test has: mirror answers with what it saw, script does what a request tells it.</summary>
    public static object[] StandardFunctions { get; } = [Function("mirror"), Function("script")];

    /// <summary>A function profile of the harness's own function directories.</summary>
    /// <param name="directory">mirror or script.</param>
    /// <param name="name">Its name; the directory's if null.</param>
    /// <param name="more">Further fields: worker, rateLimit and so on.</param>
    public static Dictionary<string, object> Function(string directory, string? name = null, params (string Key, object Value)[] more)
    {
        var profile = new Dictionary<string, object>
        {
            ["name"] = name ?? directory,
            ["runtime"] = "nodejs",
            ["url"] = new Uri(Repository.PathOf("Tests", "Gateway", "Harness", "functions", directory)).AbsoluteUri,
            ["signature"] = "1",
            ["handler"] = "index.handler",
        };
        foreach (var (key, value) in more)
        {
            profile[key] = value;
        }

        return profile;
    }

    /// <summary>The functions file.</summary>
    public string FunctionsPath => Path.Combine(Directory, "functions.json");

    /// <summary>Starts everything with a functions file of this content, good or bad, and doesn't wait for anything.</summary>
    public static Task<GatewayUnderTest> StartWithFileAsync(string content, IEnumerable<(string Key, string Value)>? settings = null) =>
        StartAsync(settings: settings, content: content);

    /// <summary>Replaces the functions file.</summary>
    public Task WriteFunctionsAsync(object[] functions) => File.WriteAllTextAsync(FunctionsPath, JsonSerializer.Serialize(new { functions }));

    /// <summary>Starts everything and waits until it is ready.</summary>
    /// <param name="functions">Function profiles; the standard ones if null.</param>
    /// <param name="services">Service profiles.</param>
    /// <param name="settings">Configuration.</param>
    /// <param name="node">How the emulated node runs, given its directory; null for the default.</param>
    /// <param name="withNode">False: no node is there.</param>
    /// <param name="time">The gateway's clock; the system's if null.</param>
    /// <param name="content">The functions file's content instead of functions and services; nothing is waited for then.</param>
    /// <param name="nodeClock">The emulated node's clock; the system's if null.</param>
    /// <param name="output">Where lines for standard output go; nowhere if null.</param>
    /// <param name="registrations">What takes the place of the gateway's own services; null for nothing.</param>
    public static async Task<GatewayUnderTest> StartAsync(
        object[]? functions = null,
        object[]? services = null,
        IEnumerable<(string Key, string Value)>? settings = null,
        Func<string, EmulatorOptions>? node = null,
        bool withNode = true,
        TimeProvider? time = null,
        string? content = null,
        TimeProvider? nodeClock = null,
        IMarkerOutput? output = null,
        Action<IServiceCollection>? registrations = null)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("nf-").FullName;
        var file = Path.Combine(directory, "functions.json");
        await File.WriteAllTextAsync(file, content ?? JsonSerializer.Serialize(new { functions = functions ?? StandardFunctions, services = services ?? [] }));
        EmulatedNode? emulated = null;
        if (withNode)
        {
            Requires.Node();
            emulated = new EmulatedNode(node?.Invoke(directory) ?? new EmulatorOptions { Workdir = directory }, nodeClock);
            await emulated.StartAsync();
        }

        var logs = new LogWatch();
        var args = new List<string>
        {
            "--Node:Workdir=" + directory, "--Functions:Path=" + file, "--Platform:Port=0", "--Admin:Port=0", "--Platform:Address=127.0.0.1",
            "--Platform:Mode=Open",
        };
        args.AddRange((settings ?? []).Select(s => $"--{s.Key}={s.Value}"));
        var app = GatewayApplication.Build([.. args], builder =>
        {
            builder.Logging.ClearProviders();
            builder.Logging.SetMinimumLevel(LogLevel.Debug);
            builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
            builder.Logging.AddProvider(logs);
            builder.Services.AddSingleton(output ?? new NoOutput());
            if (time is not null)
            {
                builder.Services.AddSingleton(time);
            }

            registrations?.Invoke(builder.Services);
        });
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var client = app.Services.GetRequiredService<INoslateNode>();
        client.StatusChanged += status =>
        {
            if (status.Ready)
            {
                ready.TrySetResult();
            }
        };
        await app.StartAsync();
        if (withNode && content is null)
        {
            await ready.Task.WaitAsync(_limit);
            if (app.Services.GetRequiredService<PlatformOptions>().Mode != PlatformMode.FunctionCompute)
            {
                Assert.Null(await app.Services.GetRequiredService<InstanceLifecycle>().InitializeAsync(null, byHook: false, CancellationToken.None));
            }
        }

        return new GatewayUnderTest(directory, emulated, app, logs);
    }

    /// <summary>A path in this test's own directory: a barrier between the test and a scripted function.</summary>
    public string Flag(string name) => Path.Combine(Directory, name);

    /// <summary>Waits until a scripted function has touched a flag.</summary>
    public static Task AppearsAsync(string flag) => Until.TrueAsync(() => File.Exists(flag), $"{Path.GetFileName(flag)} did not appear");

    /// <summary>The header that tells the script function what to do.</summary>
    public static string Script(params object[][] steps) => Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(steps));

    /// <summary>A request for the script function.</summary>
    public static HttpRequestMessage Scripted(params object[][] steps) => ScriptedFor("script", steps);

    /// <summary>A request for a function that runs scripts under another name.</summary>
    public static HttpRequestMessage ScriptedFor(string function, params object[][] steps) =>
        new(HttpMethod.Post, "/invoke/" + function) { Headers = { { "x-script", Script(steps) } } };

    /// <summary>Sends the bytes of one request over a connection of its own and reads the answer.</summary>
    public async Task<RawResponse> RawAsync(string request, bool head = false)
    {
        using var connection = await RawConnection.OpenAsync(Port);
        await connection.SendAsync(request);
        return await connection.ReadAsync(head);
    }

    /// <summary>Waits until nothing is in flight and returns the counters; fails if the conservation law does not hold.</summary>
    public async Task<LedgerSnapshot> SettledAsync()
    {
        await Until.TrueAsync(() => Ledger.Snapshot().InFlight == 0, "invocations stay in flight");
        var snapshot = Ledger.Snapshot();
        Assert.Equal(0, snapshot.Drift);
        return snapshot;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await SettledAsync();
            Assert.All(_logs.Errors, line => Assert.True(
                ExpectedError is not null && line.Contains(ExpectedError, StringComparison.Ordinal), "an unexpected Error was logged: " + line));
        }
        finally
        {
            Http.Dispose();
            Admin.Dispose();
            await _app.DisposeAsync();
            if (Node is not null)
            {
                await Node.DisposeAsync();
            }

            System.IO.Directory.Delete(Directory, recursive: true);
        }
    }
}

/// <summary>Standard output that nobody looks at.</summary>
internal sealed class NoOutput : IMarkerOutput
{
    public void Write(ReadOnlySpan<byte> lines)
    {
    }
}

/// <summary>What the mirror function saw.</summary>
internal sealed record Mirrored(string Method, string Url, string[][] Headers, byte[] Body)
{
    public static Mirrored Of(RawResponse response) => Parse(response.Body);

    public static Mirrored Parse(byte[] json) => JsonSerializer.Deserialize<Mirrored>(json, JsonSerializerOptions.Web)!;

    public string[] All(string name) => [.. Headers.Where(h => h[0] == name).Select(h => h[1])];

    public string? Header(string name) => All(name).SingleOrDefault();
}

/// <summary>What a problem+json says.</summary>
internal sealed record ProblemSeen(int Status, string Component, string Reason, string Executed, string RequestId, string Title)
{
    public static ProblemSeen Of(RawResponse response) => Parse(response.Body);

    public static async Task<ProblemSeen> OfAsync(HttpResponseMessage response)
    {
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var text = await response.Content.ReadAsStringAsync();
        Assert.DoesNotContain("at dataPlane", text, StringComparison.Ordinal);
        var problem = Parse(Encoding.UTF8.GetBytes(text));
        Assert.Equal((int)response.StatusCode, problem.Status);
        Assert.Equal(problem.Component, response.Headers.GetValues("x-noslate-component").Single());
        Assert.Equal(problem.Reason, response.Headers.GetValues("x-noslate-reason").Single());
        Assert.Equal(problem.Executed, response.Headers.GetValues("x-noslate-executed").Single());
        Assert.Equal(problem.RequestId, response.Headers.GetValues("x-request-id").Single());
        return problem;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Status} {Component} {Reason} {Executed}");

    private static ProblemSeen Parse(byte[] json) => JsonSerializer.Deserialize<ProblemSeen>(json, JsonSerializerOptions.Web)!;
}
