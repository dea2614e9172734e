using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Fleet;

/// <summary>Tells the fleet's publisher of what changes in a gateway, and the log of what becomes of the publishing.</summary>
internal sealed partial class FleetPublishing : IHostedService
{
    private readonly FleetPublisher _publisher;
    private readonly InstanceLifecycle _lifecycle;
    private readonly FunctionBoard _board;
    private readonly INoslateNode _node;
    private readonly IFleetNotices _notices;
    private readonly ILogger<FleetPublishing> _logger;
    private IDisposable? _listening;

    public FleetPublishing(
        FleetPublisher publisher,
        InstanceLifecycle lifecycle,
        FunctionBoard board,
        INoslateNode node,
        IFleetNotices notices,
        ILogger<FleetPublishing> logger)
    {
        _publisher = publisher;
        _lifecycle = lifecycle;
        _board = board;
        _node = node;
        _notices = notices;
        _logger = logger;
        publisher.OutageBegan += error => LogOutageBegan(_logger, error.Message);
        publisher.OutageEnded += lasted => LogOutageEnded(_logger, lasted.TotalSeconds);
        publisher.FencedOff += result => LogFencedOff(_logger, lifecycle.Identity.InstanceId, result.HolderBoot, result.HolderEpoch);
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _lifecycle.Changed += OnLifecycle;
        _board.Changed += OnTemperature;
        _board.WorkersChanged += _publisher.Changed;
        _node.StatusChanged += OnNode;
        _listening = _notices.Listen(_lifecycle.Identity.InstanceId, notice =>
        {
            if (notice == FleetNotice.Anything)
            {
                _publisher.Reconnected();
            }
        });
        _publisher.Changed();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _listening?.Dispose();
        _lifecycle.Changed -= OnLifecycle;
        _board.Changed -= OnTemperature;
        _board.WorkersChanged -= _publisher.Changed;
        _node.StatusChanged -= OnNode;
        return Task.CompletedTask;
    }

    private void OnLifecycle(InstanceState state) => _publisher.Changed();

    private void OnTemperature(string function, FunctionTemperature from, FunctionTemperature to) => _publisher.Changed();

    private void OnNode(NodeStatus status) => _publisher.Changed();

    // The directory itself tells of its outages, whoever's call it is that fails: this would tell each a second time.
    [LoggerMessage(1090, LogLevel.Debug, "The fleet directory does not take this instance's snapshots: {Error} Invocations are not affected; it is tried again")]
    private static partial void LogOutageBegan(ILogger logger, string error);

    [LoggerMessage(1091, LogLevel.Debug, "The fleet directory takes this instance's snapshots again, after {Seconds:0.0} s")]
    private static partial void LogOutageEnded(ILogger logger, double seconds);

    [LoggerMessage(1092, LogLevel.Warning,
        "Another process bears the instance id {Instance} and has the newer life (boot {Boot}, epoch {Epoch}): this one publishes no more and takes no orders. "
        + "Give each instance an id of its own by Lifecycle:InstanceId")]
    private static partial void LogFencedOff(ILogger logger, string instance, string boot, long epoch);
}
