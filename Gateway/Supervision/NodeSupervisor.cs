using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Supervision;

/// <summary>
/// Runs the Noslate node beside the gateway: turfd, then the data plane, then the control plane; stops them in the opposite order once the
/// instance is drained; ends the process when one of them can't be kept running, so that the platform replaces the instance.
/// </summary>
internal sealed partial class NodeSupervisor : IHostedService, IAsyncDisposable
{
    /// <summary>The process's exit code when it has given up.</summary>
    public const int GaveUpExitCode = 4;

    private const string Kind = "node";
    private static readonly TimeSpan _orphanGlance = TimeSpan.FromMilliseconds(10);

    // What is killed is gone at once, unless the kernel itself hangs on it.
    private static readonly TimeSpan _orphanLimit = TimeSpan.FromSeconds(1);

    private readonly SupervisionOptions _options;
    private readonly INoslateNode _node;
    private readonly InstanceLifecycle _lifecycle;
    private readonly IHostApplicationLifetime _application;
    private readonly TimeProvider _time;
    private readonly ILogger<NodeSupervisor> _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly StartThread _starts = new();
    private readonly List<Child> _children = [];
    private HashSet<int> _strangers = [];
    private ZombieReaper? _reaper;
    private Task _running = Task.CompletedTask;
    private int _gaveUp;
    private int _stopped;
    private int _disposed;

    public NodeSupervisor(
        GatewayOptions options,
        INoslateNode node,
        InstanceLifecycle lifecycle,
        IHostApplicationLifetime application,
        TimeProvider time,
        ILogger<NodeSupervisor> logger)
    {
        _options = options.Supervision;
        _node = node;
        _lifecycle = lifecycle;
        _application = application;
        _time = time;
        _logger = logger;
        if (_options.TurfdCommand.Count > 0)
        {
            Add("turfd", _options.TurfdCommand, _options.TurfdSocket);
        }

        Add("data-plane", _options.DataPlaneCommand, SocketOf(options.Node, "dp-0"));
        Add("control-plane", _options.ControlPlaneCommand, SocketOf(options.Node, "cp-0"));
    }

    /// <summary>Whether a child could not be kept running.</summary>
    public bool GaveUp => Volatile.Read(ref _gaveUp) != 0;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // In the background: the doors open at once, and what comes early is held.
        _running = Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
        {
            return;
        }

        (_node as NoslateNode)?.StopHolding();
        await _stop.CancelAsync();
        await _running;
        var began = _time.GetTimestamp();
        for (var left = _children.Count; left > 0; left--)
        {
            // Each gets its part of what is left, so that one that hangs takes nothing from the next.
            await _children[left - 1].EndAsync((_options.StopGrace - _time.GetElapsedTime(began)) / left);
        }

        await EndOrphansAsync();
    }

    public async ValueTask DisposeAsync()
    {
        // Known to the container by two names, it is disposed of twice.
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await StopAsync(CancellationToken.None);
        _reaper?.Dispose();
        _starts.Dispose();
        _stop.Dispose();
    }

    private static string SocketOf(NodeOptions node, string plane) => Path.Combine(node.Workdir, "socks", plane + ".sock");

    private void Add(string name, IReadOnlyList<string> command, string socket) =>
        _children.Add(new Child(new ChildSpec(name, command, socket), _options, _starts, Record, _time, _logger));

    private async Task RunAsync()
    {
        var runs = new List<Task>();
        try
        {
            _strangers = [.. ProcessTable.Children().Select(child => child.Id)];
            ProcessTable.BecomeSubreaper();
            _reaper = new ZombieReaper(_starts.ReapStranger, _time);
            await _starts.PrepareAsync(_options.Environment, _stop.Token);
            if (!_starts.BindsChildren)
            {
                NotBound(_logger);
            }

            foreach (var child in _children)
            {
                runs.Add(KeepAsync(child));
                await child.Up.WaitAsync(_stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopped while it started.
        }

        await Task.WhenAll(runs);
    }

    private async Task KeepAsync(Child child)
    {
        string? reason;
        try
        {
            reason = await child.RunAsync(_stop.Token);
        }
        catch (Exception error)
        {
            Broke(_logger, error, child.Name);
            reason = $"{child.Name} can't be supervised: {error.Message}";
        }

        if (reason is not null && Interlocked.Exchange(ref _gaveUp, 1) == 0)
        {
            GivingUp(_logger, reason);
            Record("given up: " + reason);
            (_node as NoslateNode)?.StopHolding();

            // Not awaited here: the stop waits for this to end.
            _ = Task.Run(LeaveAsync, CancellationToken.None);
        }
    }

    private async Task LeaveAsync()
    {
        // A host that is told to stop while it starts takes that for a failed start.
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (_application.ApplicationStarted.Register(() => started.TrySetResult()))
        await using (_application.ApplicationStopping.Register(() => started.TrySetResult()))
        {
            await started.Task;
        }

        // Ends what can still end, and leaves the receipt and the flight recorder as last words in the fleet.
        await _lifecycle.StopAsync("node given up");
        _application.StopApplication();
    }

    /// <summary>Kills what our children have left behind. What was a child of ours before we began is not ours to kill.</summary>
    private async Task EndOrphansAsync()
    {
        for (var began = _time.GetTimestamp(); _time.GetElapsedTime(began) < _orphanLimit;)
        {
            int[] orphans = [.. ProcessTable.Children().Where(child => !child.Dead && !_strangers.Contains(child.Id)).Select(child => child.Id)];
            if (orphans.Length == 0)
            {
                return;
            }

            foreach (var id in orphans)
            {
                ProcessTable.Signal(id, ProcessTable.SigKill);
            }

            // Their own children, if any, are ours next.
            await Task.Delay(_orphanGlance, _time);
        }
    }

    private void Record(string detail) => _lifecycle.Recorder.Record(_lifecycle.State.Epoch, Kind, detail);

    [LoggerMessage(1110, LogLevel.Warning, "No setpriv with --pdeathsig here: should this process be killed, the node's processes outlive it, and the next one adopts them")]
    private static partial void NotBound(ILogger logger);

    [LoggerMessage(1111, LogLevel.Critical, "The node can't be kept running: {Reason}. This process drains and ends, so that the instance is replaced")]
    private static partial void GivingUp(ILogger logger, string reason);

    [LoggerMessage(1112, LogLevel.Error, "Supervising {Child} failed unexpectedly")]
    private static partial void Broke(ILogger logger, Exception error, string child);
}
