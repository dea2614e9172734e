using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace NoslateFleet.Silo.Hosting;

/// <summary>
/// A silo's lifecycle that comes to its end. Measured with Orleans 10.4: a silo whose row is gone from the cluster's table tries to write there for as long as it is
/// let, and whoever disposes of it meanwhile leaves its directory, whose turn to stop comes later, asking without end for a membership that is gone: a whole core
/// for each such life. So once patience is over no part is waited for longer than a moment, and each is told to stop.
/// </summary>
internal sealed class PromptLifecycle(ILogger<SiloLifecycleSubject> logger, TimeProvider time) : SiloLifecycleSubject(logger)
{
    private static readonly TimeSpan _moment = TimeSpan.FromMilliseconds(200);

    protected override async Task CallObserverStopAsync(ILifecycleObserver observer, CancellationToken cancellationToken)
    {
        var stopping = base.CallObserverStopAsync(observer, cancellationToken);
        try
        {
            await stopping.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (!stopping.IsCompleted)
        {
            await stopping.WaitAsync(_moment, time, CancellationToken.None);
        }
    }
}
