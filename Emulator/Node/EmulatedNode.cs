using System.Reflection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Emulator.ControlPlane;
using NoslateFleet.Emulator.DataPlane;
using NoslateFleet.Emulator.Rpc;
using NoslateFleet.Emulator.Workers;

namespace NoslateFleet.Emulator.Node;

/// <summary>
/// A Noslate node for development and tests: both planes on unix sockets, nodejs functions in real node processes. Everything
/// time-driven (deadlines, scaling, rate limits) follows the given clock.
/// </summary>
public sealed class EmulatedNode : IAsyncDisposable
{
    private readonly NodeState state;
    private readonly RpcServer?[] dataServers;
    private readonly RpcServer?[] controlServers;
    private readonly SemaphoreSlim lifecycle = new(1);
    private readonly HostEvents dataEvents;
    private readonly HostEvents controlEvents;
    private readonly DataPlaneCore data;
    private ControlPlaneCore? control;
    private WorkerHub? hub;
    private WorkerStarter? starter;
    private ITimer? linking;
    private bool started;
    private bool disposed;

    /// <summary>Prepares a node; nothing is started or written yet.</summary>
    /// <param name="options">How it runs.</param>
    /// <param name="clock">The clock; default the system's.</param>
    /// <param name="loggers">Where it logs; default nowhere.</param>
    /// <param name="load">The load average for the circuit breaker; default the machine's.</param>
    /// <exception cref="ArgumentException">An option is out of range; the message names all that are.</exception>
    public EmulatedNode(EmulatorOptions options, TimeProvider? clock = null, ILoggerFactory? loggers = null, Func<double>? load = null)
    {
        IReadOnlyList<string> errors = options.Validate();
        if (errors.Count > 0)
            throw new ArgumentException(string.Join("; ", errors), nameof(options));
        Options = options;
        ILogger logger = (loggers ?? NullLoggerFactory.Instance).CreateLogger("NoslateFleet.Emulator");
        state = new NodeState(options, clock ?? TimeProvider.System, logger);
        Workdir = Path.GetFullPath(options.Workdir);
        LogDir = Path.GetFullPath(options.LogDir ?? Path.Combine(Workdir, "logs"));
        dataServers = new RpcServer?[options.DataPlaneCount];
        controlServers = new RpcServer?[options.ControlPlaneCount];
        dataEvents = new HostEvents(state.Clock);
        controlEvents = new HostEvents(state.Clock);
        data = new DataPlaneCore(state, dataEvents, load ?? CircuitBreaker.ReadLoad);
    }

    /// <summary>The options it was made with.</summary>
    public EmulatorOptions Options { get; }

    /// <summary>The node's directory, absolute.</summary>
    public string Workdir { get; }

    /// <summary>The directory of the logs, absolute.</summary>
    public string LogDir { get; }

    /// <summary>
    /// The version of Node.js that runs the functions, as it prints it; empty before the start, and where <see cref="EmulatorOptions.BuiltInEcho"/>
    /// does without it.
    /// </summary>
    public string NodeVersion { get; private set; } = "";

    /// <summary>What goes wrong; nothing at first.</summary>
    public EmulatorFaults Faults => state.Faults;

    /// <summary>
    /// How often a set took away, or replaced, a function while a worker of it was being started: a real control plane dies of that.
    /// </summary>
    public int EarlyRemovals => control?.EarlyRemovals ?? 0;

    private string SocketDirectory => Path.Combine(Workdir, "socks");

    private ControlPlaneCore Control => control ?? throw new InvalidOperationException("The node was not started.");

    /// <summary>The path of a data plane socket.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <returns>The absolute path.</returns>
    public string DataPlaneSocket(int index = 0) => Path.Combine(SocketDirectory, $"dp-{index}.sock");

    /// <summary>The path of a control plane socket.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <returns>The absolute path.</returns>
    public string ControlPlaneSocket(int index = 0) => Path.Combine(SocketDirectory, $"cp-{index}.sock");

    /// <summary>Starts everything: data plane sockets first, then the control plane's.</summary>
    /// <param name="cancel">Stops waiting.</param>
    /// <returns>A task that ends when the sockets answer.</returns>
    /// <exception cref="EmulatorStartException">Node.js is missing, or another process answers on a socket.</exception>
    public async Task StartAsync(CancellationToken cancel = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (started)
            throw new InvalidOperationException("The node was started already.");
        started = true;
        NodeProgram? node = await FindNodeAsync(cancel);
        NodeVersion = node?.Version ?? "";
        try
        {
            Directory.CreateDirectory(SocketDirectory);
            for (int i = 0; i < dataServers.Length; i++)
                SocketFiles.Claim(DataPlaneSocket(i));
            for (int i = 0; i < controlServers.Length; i++)
                SocketFiles.Claim(ControlPlaneSocket(i));
            string bootstrap = Path.Combine(SocketDirectory, "bootstrap.cjs");
            await WriteBootstrapAsync(bootstrap, cancel);
            hub = new WorkerHub(Path.Combine(SocketDirectory, "dlgt-0.sock"), Options.BackPressure);
            hub.Start();
            starter = new WorkerStarter(node, hub, bootstrap, LogDir);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or System.Net.Sockets.SocketException)
        {
            throw new EmulatorStartException($"the workdir {Workdir} can't be used: {error.Message}");
        }

        control = new ControlPlaneCore(state, data, starter);
        for (int i = 0; i < dataServers.Length; i++)
            await StartServerAsync(dataServers, i, DataPlaneSocket(i), DataMethods(), cancel);
        control.SetUp(true);
        for (int i = 0; i < controlServers.Length; i++)
            await StartServerAsync(controlServers, i, ControlPlaneSocket(i), ControlMethods(), cancel);
    }

    /// <summary>
    /// Starts a stopped or killed data plane again. Until the control plane has handed it the profiles
    /// (<see cref="EmulatorOptions.ProfileSyncDelay"/>) calls are answered with code 5; service profiles are lost.
    /// </summary>
    /// <param name="index">Which one, from 0.</param>
    /// <returns>A task that ends when the socket answers.</returns>
    public async Task StartDataPlaneAsync(int index = 0)
    {
        await lifecycle.WaitAsync();
        try
        {
            if (dataServers[index] is not null)
                return;
            bool first = dataServers.All(it => it is null);
            await StartServerAsync(dataServers, index, DataPlaneSocket(index), DataMethods(), CancellationToken.None);
            if (!first)
                return;
            linking?.Dispose();
            linking = state.Clock.CreateTimer(_ => Control.SetLinked(true), null, Options.ProfileSyncDelay, Timeout.InfiniteTimeSpan);
        }
        finally
        {
            lifecycle.Release();
        }
    }

    /// <summary>Stops a data plane as SIGTERM does: calls in flight are reset with CANCEL, the file is removed. The last one takes the workers along.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <returns>A task that ends when it is down.</returns>
    public Task StopDataPlaneAsync(int index = 0) => EndDataPlaneAsync(index, kill: false);

    /// <summary>Ends a data plane as SIGKILL does: connections are cut without a status, a stale file stays. The last one takes the workers along.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <returns>A task that ends when it is down.</returns>
    public Task KillDataPlaneAsync(int index = 0) => EndDataPlaneAsync(index, kill: true);

    /// <summary>Starts a stopped or killed control plane again. The first one to come back knows no profiles and lists no workers until profiles are pushed.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <returns>A task that ends when the socket answers.</returns>
    public async Task StartControlPlaneAsync(int index = 0)
    {
        await lifecycle.WaitAsync();
        try
        {
            if (controlServers[index] is not null)
                return;
            if (controlServers.All(it => it is null))
                Control.SetUp(true);
            await StartServerAsync(controlServers, index, ControlPlaneSocket(index), ControlMethods(), CancellationToken.None);
        }
        finally
        {
            lifecycle.Release();
        }
    }

    /// <summary>Stops a control plane as SIGTERM does. Calls to functions go on; nothing is scaled while none is up.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <returns>A task that ends when it is down.</returns>
    public Task StopControlPlaneAsync(int index = 0) => EndControlPlaneAsync(index, kill: false);

    /// <summary>Ends a control plane as SIGKILL does.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <returns>A task that ends when it is down.</returns>
    public Task KillControlPlaneAsync(int index = 0) => EndControlPlaneAsync(index, kill: true);

    /// <summary>Holds the circuit breaker open, or lets it follow the load again (if that is switched on).</summary>
    /// <param name="open">Whether it is held open.</param>
    public void ForceCircuitBreaker(bool open)
    {
        data.Breaker.Force(open);
        state.Changes.Pulse();
    }

    /// <summary>Looks at the node's state.</summary>
    /// <returns>The state at one instant.</returns>
    public EmulatorStats GetStats()
    {
        List<FunctionStatus> functions = [];
        lock (state.Gate)
        {
            ILookup<string, Worker> workers = (control?.Living ?? []).ToLookup(it => it.Spec.Name);
            Dictionary<string, FunctionBroker> brokers = data.Brokers.ToDictionary(it => it.Spec.Name);
            foreach (string name in brokers.Keys.Union(workers.Select(it => it.Key)))
            {
                FunctionBroker? broker = brokers.GetValueOrDefault(name);
                functions.Add(new FunctionStatus(
                    name,
                    broker is not null,
                    broker?.Queued ?? 0,
                    broker?.Dispatched ?? 0,
                    control?.FindBroker(name)?.RedundantTimes ?? 0,
                    [.. workers[name].OrderBy(it => it.RegisterTime).ThenBy(it => it.Name, StringComparer.Ordinal).Select(Describe)]));
            }

            if (data.Echo is { } echo && !functions.Exists(it => it.Name == BuiltInEcho.Name))
                functions.Add(new FunctionStatus(BuiltInEcho.Name, true, 0, echo.Served, 0, []));
        }

        return new EmulatorStats(
            functions,
            dataServers.Sum(it => it?.OpenCalls ?? 0),
            controlServers.Sum(it => it?.OpenCalls ?? 0),
            dataServers.Sum(it => it?.Connections ?? 0),
            controlServers.Sum(it => it?.Connections ?? 0));
    }

    /// <summary>Waits until the node's state is as wanted; looks again after every change.</summary>
    /// <param name="wanted">The condition.</param>
    /// <param name="limit">How long to wait in real time; default 30 s.</param>
    /// <returns>The state that met the condition.</returns>
    /// <exception cref="TimeoutException">It did not get there; the message tells the last state.</exception>
    public async Task<EmulatorStats> WaitForAsync(Func<EmulatorStats, bool> wanted, TimeSpan? limit = null)
    {
        using var over = new CancellationTokenSource(limit ?? TimeSpan.FromSeconds(30));
        while (true)
        {
            Task changed = state.Changes.Next();
            EmulatorStats stats = GetStats();
            if (wanted(stats))
                return stats;
            try
            {
                await changed.WaitAsync(over.Token);
            }
            catch (OperationCanceledException)
            {
                string functions = string.Join(", ", stats.Functions.Select(
                    it => $"{it.Name}: {it.Queued} queued, workers [{string.Join(' ', it.Workers.Select(w => $"{w.State}/{w.ActiveRequests}"))}]"));
                throw new TimeoutException(
                    $"The node did not get there. Data plane calls {stats.OpenDataPlaneCalls}, connections {stats.DataPlaneConnections}; {functions}");
            }
        }
    }

    /// <summary>Stops the node as SIGTERM does: calls in flight are reset, workers end, socket files are removed.</summary>
    /// <returns>A task that ends when all of it is gone.</returns>
    public async ValueTask DisposeAsync()
    {
        if (disposed)
            return;
        disposed = true;
        linking?.Dispose();
        for (int i = 0; i < dataServers.Length; i++)
            await EndServerAsync(dataServers, i, kill: false);
        for (int i = 0; i < controlServers.Length; i++)
            await EndServerAsync(controlServers, i, kill: false);
        control?.SetUp(false);
        data.Reset();
        if (control is not null)
        {
            await control.KillAllAsync();
            control.Dispose();
        }

        data.Dispose();
        if (hub is not null)
            await hub.DisposeAsync();
        if (starter is not null)
            File.Delete(Path.Combine(SocketDirectory, "bootstrap.cjs"));
        lifecycle.Dispose();
    }

    private async Task<NodeProgram?> FindNodeAsync(CancellationToken cancel)
    {
        try
        {
            return await NodeProgram.FindAsync(Options.NodePath, cancel);
        }
        catch (EmulatorStartException error) when (error.NodeMissing && Options.BuiltInEcho)
        {
            // The built-in function needs none; any other one is told when it is called.
            return null;
        }
    }

    private static async Task WriteBootstrapAsync(string path, CancellationToken cancel)
    {
        await using Stream source = Assembly.GetExecutingAssembly().GetManifestResourceStream("bootstrap.js")!;
        await using FileStream target = File.Create(path);
        await source.CopyToAsync(target, cancel);
    }

    private static async Task EndServerAsync(RpcServer?[] servers, int index, bool kill)
    {
        if (servers[index] is not { } server)
            return;
        servers[index] = null;
        if (kill)
            await server.KillAsync();
        else
            await server.StopAsync();
    }

    private RpcMethods DataMethods()
    {
        var methods = new RpcMethods();
        dataEvents.Register(methods);
        new PushServer(state, data).Register(methods);
        new DataPlaneService(data, Control).Register(methods);
        return methods;
    }

    private RpcMethods ControlMethods()
    {
        var methods = new RpcMethods();
        controlEvents.Register(methods);
        new ControlPlaneService(Control).Register(methods);
        return methods;
    }

    private async Task StartServerAsync(RpcServer?[] servers, int index, string path, RpcMethods methods, CancellationToken cancel)
    {
        var server = new RpcServer(path, methods, state);
        servers[index] = server;
        try
        {
            await server.StartAsync(cancel);
        }
        catch (IOException error)
        {
            servers[index] = null;
            throw new EmulatorStartException($"the socket {path} can't be opened: {error.Message}");
        }
        catch
        {
            servers[index] = null;
            throw;
        }
    }

    private async Task EndDataPlaneAsync(int index, bool kill)
    {
        await lifecycle.WaitAsync();
        try
        {
            bool last = dataServers.Where((it, i) => i != index).All(it => it is null) && dataServers[index] is not null;
            await EndServerAsync(dataServers, index, kill);
            if (!last)
                return;
            linking?.Dispose();
            Control.SetLinked(false);
            data.Reset();
            await Control.KillAllAsync();
        }
        finally
        {
            lifecycle.Release();
        }
    }

    private async Task EndControlPlaneAsync(int index, bool kill)
    {
        await lifecycle.WaitAsync();
        try
        {
            await EndServerAsync(controlServers, index, kill);
            if (controlServers.All(it => it is null))
                Control.SetUp(false);
        }
        finally
        {
            lifecycle.Release();
        }
    }

    private WorkerStatus Describe(Worker worker) =>
        new(worker.Name, worker.State, worker.Process?.Pid ?? 0, worker.Active, starter!.LogDirectoryOf(worker.Name));
}
