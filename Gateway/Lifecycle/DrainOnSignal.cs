using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>
/// Takes the place of the host's own handling of signals: the first SIGTERM or SIGINT begins a stop, and only once it has ended are the listeners
/// closed and the process ends; the second one forces it.
/// </summary>
internal sealed partial class DrainOnSignal(
    InstanceLifecycle lifecycle, IHostApplicationLifetime application, ILogger<DrainOnSignal> logger) : IHostLifetime, IDisposable
{
    private readonly Lock _lock = new();
    private StopSignals? _own;
    private int _signals;

    /// <summary>What has taken the process's signals so far; null if nothing has.</summary>
    public StopSignals? Early { get; set; }

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        if (Early is { } early)
        {
            early.HandTo(OnSignal);
        }
        else
        {
            _own = new StopSignals(OnSignal);
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        // The process ends already.
        Early?.HandTo(static _ => { });
        _own?.Dispose();
    }

    private void OnSignal(PosixSignal signal)
    {
        // Two may come at once, on two threads: the second one must find the stop that the first one began, or it would force nothing.
        lock (_lock)
        {
            if (++_signals > 1)
            {
                Forcing(logger, signal);
                lifecycle.Force();
                return;
            }

            Stopping(logger, signal);
            _ = StopAsync();
        }
    }

    private async Task StopAsync()
    {
        var receipt = await lifecycle.StopAsync("signal");
        if (receipt.CalledOff)
        {
            // Undone by an order: the next signal is a first one again.
            lock (_lock)
            {
                _signals = 0;
            }

            return;
        }

        Stopped(logger, receipt.Verdict, receipt.Ms, receipt.Accepted, receipt.Abandoned);
        application.StopApplication();
    }

    [LoggerMessage(1070, LogLevel.Information, "{Signal}: stopping; once more forces it")]
    private static partial void Stopping(ILogger logger, PosixSignal signal);

    [LoggerMessage(1071, LogLevel.Warning, "{Signal} again: what still runs is abandoned")]
    private static partial void Forcing(ILogger logger, PosixSignal signal);

    [LoggerMessage(1072, LogLevel.Information, "Stopped, {Verdict}, after {Ms:0} ms: {Accepted} invocations accepted in all, {Abandoned} abandoned")]
    private static partial void Stopped(ILogger logger, Verdict verdict, double ms, long accepted, long abandoned);
}
