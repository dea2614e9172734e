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
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Lock _lock = new();
    private int _signals;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (var signal in new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT })
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, OnSignal));
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _registrations.ForEach(registration => registration.Dispose());

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;

        // Two may come at once, on two threads: the second one must find the stop that the first one began, or it would force nothing.
        lock (_lock)
        {
            if (++_signals > 1)
            {
                Forcing(logger, context.Signal);
                lifecycle.Force();
                return;
            }

            Stopping(logger, context.Signal);
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
