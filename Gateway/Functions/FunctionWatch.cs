using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Stats;
using WorkerState = NoslateFleet.Coordination.Functions.WorkerState;

namespace NoslateFleet.Gateway.Functions;

/// <summary>
/// Keeps the board of functions true: the node's events as they come, and a picture of all workers when the connection is new, after events, after a
/// thaw, and now and then while work runs. A gateway that is connected and idle asks for nothing.
/// </summary>
internal sealed partial class FunctionWatch : IAsyncDisposable
{
    /// <summary>How often a busy gateway asks, at most.</summary>
    public static readonly TimeSpan BusyInterval = TimeSpan.FromSeconds(2);

    private readonly INoslateNode _node;
    private readonly FunctionBoard _board;
    private readonly InvocationLedger _ledger;
    private readonly AdmissionController _admission;
    private readonly TimeProvider _time;
    private readonly ILogger<FunctionWatch> _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private Task _asking = Task.CompletedTask;
    private bool _again;
    private bool _stale;
    private bool _ready;
    private string? _profiles;
    private long _askedAt;

    public FunctionWatch(
        INoslateNode node, FunctionBoard board, InvocationLedger ledger, AdmissionController admission, TimeProvider time, ILogger<FunctionWatch> logger)
    {
        _node = node;
        _board = board;
        _ledger = ledger;
        _admission = admission;
        _time = time;
        _logger = logger;
        _askedAt = time.GetTimestamp();
        node.StatusChanged += OnStatus;
        node.EventReceived += OnEvent;
    }

    /// <summary>Ends with the question that is under way; ended if none is.</summary>
    internal Task Asking
    {
        get
        {
            lock (_lock)
            {
                return _asking;
            }
        }
    }

    /// <summary>Called by the process's tick: asks for a picture if work runs, or ran since the last one.</summary>
    public void Tick()
    {
        lock (_lock)
        {
            _stale |= _ledger.InFlight > 0;
            if (!_stale || _time.GetElapsedTime(_askedAt) < BusyInterval)
            {
                return;
            }

            _stale = false;
        }

        Ask();
    }

    /// <summary>What was heard of workers before a freeze can't be relied on.</summary>
    public void Thawed()
    {
        _board.Doubt();
        Ask();
    }

    public async ValueTask DisposeAsync()
    {
        _node.StatusChanged -= OnStatus;
        _node.EventReceived -= OnEvent;
        await _stop.CancelAsync();
        await Asking;
        _stop.Dispose();
    }

    private void OnStatus(NodeStatus status)
    {
        if (_node.Profiles is { } profiles && status.Profiles.Version != _profiles)
        {
            _profiles = status.Profiles.Version;
            var names = profiles.Functions.Select(f => f.Name).Concat(profiles.Services.Select(s => s.Name)).ToHashSet(StringComparer.Ordinal);
            _board.SetFunctions(names);

            // Names that strangers make up can't take these their own counters and limit then. The node itself says which others there are not.
            _admission.SetFunctions(names, admitOthers: true);
        }

        if (status.Ready == _ready)
        {
            return;
        }

        _ready = status.Ready;
        if (!status.Reachable)
        {
            _board.Doubt();
        }
        else if (_ready)
        {
            Ask();
        }
    }

    private void OnEvent(NodeEvent told)
    {
        if (told.RequestQueueing is { } queueing)
        {
            _board.RequestQueued(queueing.Name);
        }

        if (told.ContainerStatus is { } worker)
        {
            switch (worker.Event)
            {
                case "ContainerInstalled":
                    _board.WorkerCame(worker.FunctionName, worker.Name);
                    break;
                case "RequestDrained":
                    _board.WorkerDrained(worker.FunctionName, worker.Name);
                    break;
                case "ContainerDisconnected":
                    _board.WorkerWent(worker.FunctionName, worker.Name);
                    break;
            }
        }

        // The rest of what there is to know about it, by the next tick that may ask.
        lock (_lock)
        {
            _stale = true;
        }
    }

    private void Ask()
    {
        lock (_lock)
        {
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            if (!_asking.IsCompleted)
            {
                _again = true;
                return;
            }

            _askedAt = _time.GetTimestamp();
            _asking = Task.Run(AskAsync, CancellationToken.None);
        }
    }

    private async Task AskAsync()
    {
        while (true)
        {
            try
            {
                var mark = _board.Mark();
                var stats = await _node.GetStatsAsync(_stop.Token);
                if ((stats.SnapshotAsOf ?? stats.TrafficAsOf) is { } asOf)
                {
                    _board.Apply(new WorkersPicture(mark, asOf, [.. stats.Functions.Select(Fact)]));
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception error)
            {
                // The next picture makes up for it.
                NoPicture(_logger, error.Message);
            }

            lock (_lock)
            {
                if (!_again)
                {
                    return;
                }

                _again = false;
                _askedAt = _time.GetTimestamp();
            }
        }
    }

    private static FunctionFact Fact(FunctionPicture function) => new(
        function.Name,
        function.MaxActivateRequests,
        [.. function.Workers.Select(worker => new WorkerFact(worker.Name, Of(worker.State), worker.ActiveRequests, function.MaxActivateRequests))]);

    private static WorkerState Of(Noslate.Stats.WorkerState state) => state switch
    {
        Noslate.Stats.WorkerState.Created => WorkerState.Created,
        Noslate.Stats.WorkerState.Ready => WorkerState.Ready,
        Noslate.Stats.WorkerState.PendingStop => WorkerState.PendingStop,
        Noslate.Stats.WorkerState.Stopped => WorkerState.Stopped,
        _ => WorkerState.Unknown,
    };

    [LoggerMessage(1080, LogLevel.Debug, "No picture of the workers: {Error}")]
    private static partial void NoPicture(ILogger logger, string error);
}
