using System.Globalization;
using NoslateFleet.Bench.Hosts;
using NoslateFleet.Bench.Load;

namespace NoslateFleet.Bench.Compare;

/// <summary>One of those that are compared: a process, and how load is put on it.</summary>
internal sealed class Contender : IAsyncDisposable
{
    public const string Gateway = "gateway";
    public const string Silent = "gateway, silent";
    public const string Reference = "reference";
    public const string Http = "floor: http";
    public const string Client = "floor: client";

    /// <summary>What the load generator asks for. The gateway finds it in its route table.</summary>
    public const string Target = "/api/echo?of=bench";

    private readonly Child _child;
    private readonly Child? _load;
    private readonly bool _tellsAllocation;

    private Contender(string name, Child child, Child? load, bool tellsAllocation)
    {
        Name = name;
        _child = child;
        _load = load;
        _tellsAllocation = tellsAllocation;
    }

    public string Name { get; }

    public Child Process => _child;

    /// <summary>The gateway's configuration: everything that costs a request something is on.</summary>
    public static string[] GatewayArguments(string workdir) =>
    [
        "--Platform:Mode=Open",
        "--Platform:Address=127.0.0.1",
        "--Platform:Port=0",
        "--Platform:HealthPath=/healthz",
        "--Admin:Port=0",
        "--Telemetry:RequestLog=Json",
        "--Node:Workdir=" + workdir,
        "--Forwarding:MaxRequestBodyBytes=33554432",
        "--Forwarding:ProxyNetworks:0=10.0.0.0/8",
        "--Routing:Allow:0=echo",
        "--Routing:Routes:0:Host=*.example.com",
        "--Routing:Routes:0:Function=other",
        "--Routing:Routes:1:PathPrefix=/static",
        "--Routing:Routes:1:Method=GET",
        "--Routing:Routes:1:Function=other",
        "--Routing:Routes:2:PathPrefix=/api",
        "--Routing:Routes:2:Function=" + Upstream.Function,
    ];

    public static async Task<Contender> GatewayAsync(string workdir, Child load) => new(
        Gateway, await Child.StartSelfAsync(Gateway, ["gateway", .. GatewayArguments(workdir)]), load, tellsAllocation: true);

    /// <summary>The gateway without metrics and request log.</summary>
    public static async Task<Contender> SilentAsync(string workdir, Child load) => new(
        Silent,
        await Child.StartSelfAsync(Silent, ["gateway", .. GatewayArguments(workdir), "--Telemetry:RequestLog=Off", "--Telemetry:Metrics=false"]),
        load,
        tellsAllocation: true);

    public static async Task<Contender> ReferenceAsync(string workdir, string directory, Child load) => new(
        Reference,
        await Child.StartAsync(Reference, "node", [Path.Combine(directory, "server.js"), workdir, Upstream.Function], ready: "ready"),
        load,
        tellsAllocation: false);

    public static async Task<Contender> HttpAsync(Child load) => new(Http, await Child.StartSelfAsync(Http, ["http"]), load, tellsAllocation: true);

    public static async Task<Contender> ClientAsync(string workdir) => new(
        Client, await Child.StartSelfAsync(Client, ["client", workdir]), load: null, tellsAllocation: true);

    /// <summary>Puts load on it and measures.</summary>
    /// <exception cref="InvalidOperationException">An answer was not what it should be.</exception>
    public async Task<Sample> RunAsync(Cell cell, TimeSpan time)
    {
        var milliseconds = (int)time.TotalMilliseconds;
        var command = _load is null
            ? string.Create(CultureInfo.InvariantCulture, $"run {cell.Concurrency} {cell.Size} {milliseconds}")
            : string.Create(CultureInfo.InvariantCulture, $"run {_child.ReadyText} {Target} {cell.Concurrency} {cell.Size} {milliseconds}");
        var allocatedBefore = _tellsAllocation ? await _child.AllocatedAsync() : 0;
        var before = _child.ProcessorTime;
        LoadResult result;
        try
        {
            result = LoadResult.Parse(await (_load ?? _child).AskAsync(command));
        }
        catch (InvalidOperationException error)
        {
            throw new InvalidOperationException($"{Name}, {cell}: {error.Message}", error);
        }

        var used = _child.ProcessorTime - before;
        var allocated = _tellsAllocation ? await _child.AllocatedAsync() - allocatedBefore : 0;
        if (result.Errors > 0 || result.Requests == 0)
        {
            throw new InvalidOperationException($"{Name}, {cell}: {result.Errors} of {result.Errors + result.Requests} answers were not the echo with status 200");
        }

        return new Sample(
            result.Requests / result.Seconds,
            result.P50,
            result.P99,
            used.TotalMicroseconds / result.Requests,
            _tellsAllocation ? (double)allocated / result.Requests : null);
    }

    public ValueTask DisposeAsync() => _child.DisposeAsync();
}
