using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Functions;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>What the lifecycle has done around it, in a gateway.</summary>
internal sealed partial class GatewayWork(
    INoslateNode node,
    Readiness readiness,
    DrainIntentFile intent,
    IEnumerable<IFlushed> flushed,
    FunctionWatch functions,
    Func<FleetPublisher> publisher,
    TimeProvider time,
    ILogger<GatewayWork> logger) : IInstanceWork
{
    private static readonly TimeSpan _shortestPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan _longestPause = TimeSpan.FromMilliseconds(250);

    public async Task<string?> PrepareAsync(CancellationToken cancellationToken)
    {
        string? missing = "nothing was looked at yet";
        var pause = _shortestPause;
        while (true)
        {
            var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            void OnChanged(NodeStatus status) => changed.TrySetResult();
            node.StatusChanged += OnChanged;
            try
            {
                missing = await readiness.MissingWithWorkersAsync(cancellationToken);
                if (missing is null)
                {
                    return null;
                }

                // Nobody tells of a worker that has become Ready, nor of a file that has become good.
                await Task.WhenAny(changed.Task, Task.Delay(pause, time, cancellationToken));
                cancellationToken.ThrowIfCancellationRequested();
                pause = pause * 2 < _longestPause ? pause * 2 : _longestPause;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return missing;
            }
            finally
            {
                node.StatusChanged -= OnChanged;
            }
        }
    }

    public Task CheckDataPlaneAsync(CancellationToken cancellationToken) => node.CheckDataPlanesAsync(cancellationToken);

    public void Thawed(TimeSpan gap)
    {
        LogThaw(logger, gap.TotalSeconds);
        functions.Thawed();
    }

    public async Task WorkersIdleAsync(CancellationToken cancellationToken)
    {
        for (var pause = _shortestPause; ; pause = pause * 2 < _longestPause ? pause * 2 : _longestPause)
        {
            var stats = await node.GetStatsAsync(cancellationToken);

            // Without a data plane nobody holds a request any more.
            if (stats.TrafficAsOf is null || !stats.Functions.Any(function => function.Workers.Any(worker => worker.ActiveRequests > 0)))
            {
                return;
            }

            await Task.Delay(pause, time, cancellationToken);
        }
    }

    public Task FlushAsync(CancellationToken cancellationToken) => Task.WhenAll(flushed.Select(one => one.FlushAsync(cancellationToken)));

    public Task PublishAsync(Receipt receipt, CancellationToken cancellationToken) => publisher().PublishAsync(receipt, cancellationToken);

    public void DrainBegins(DrainBeginning drain) => intent.Write(drain.Cause, drain.Budget);

    public void DrainOver() => intent.Remove();

    [LoggerMessage(1040, LogLevel.Information, "Thawed: this process did not run for {Seconds:0.0} s")]
    private static partial void LogThaw(ILogger logger, double seconds);
}
