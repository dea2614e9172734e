using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NoslateFleet.Gateway.Lifecycle;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>
/// Sends metrics and traces to a collector by OTLP, where the standard variables say so (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/):
/// an endpoint, for both or for one, and no <c>none</c> exporter, and the SDK not disabled. Its queues are bounded and it works on threads of its own, so that a collector
/// that is away costs nothing but what it would have got.
/// </summary>
internal sealed class OpenTelemetryExport : IHostedService, IFlushed, IDisposable
{
    private readonly List<OtlpSignal> _signals = [];
    private readonly ExporterWatch? _watch;
    private readonly TimeSpan _longest;
    private readonly TimeProvider _time;
    private long _unflushed;

    public OpenTelemetryExport(IConfiguration configuration, LifecycleOptions lifecycle, TimeProvider time, ILogger<OpenTelemetryExport> logger)
    {
        _time = time;
        _longest = lifecycle.Budgets.Flush / 4;
        var disabled = string.Equals(configuration["OTEL_SDK_DISABLED"], "true", StringComparison.OrdinalIgnoreCase);
        if (disabled)
        {
            return;
        }

        if (IsWanted(configuration, OtlpSignal.Metrics))
        {
            _signals.Add(OtlpSignal.OfMetrics(configuration, lifecycle.InstanceId));
        }

        if (IsWanted(configuration, OtlpSignal.Traces))
        {
            _signals.Add(OtlpSignal.OfTraces(configuration, lifecycle.InstanceId));
        }

        if (_signals.Count > 0)
        {
            _watch = new ExporterWatch(logger);
        }
    }

    /// <summary>Flushes that were not done in time, or failed.</summary>
    public long Unflushed => Interlocked.Read(ref _unflushed);

    // Made with the host, so that it listens from the first request on.
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task FlushAsync(CancellationToken cancellationToken) => Task.WhenAll(_signals.Select(signal => FlushAsync(signal, cancellationToken)));

    public void Dispose()
    {
        // Each tries once more to send, and waits for its collector as long as it takes: whatever was to be sent has had its time in the stop, and the
        // process is to end now. What hangs is left behind on a thread that keeps no process alive.
        Task.WaitAll(
            [.. _signals.Select(static one => Task.Factory.StartNew(one.Dispose, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))],
            _longest);
        _watch?.Dispose();
    }

    private static bool IsWanted(IConfiguration configuration, string signal) =>
        !string.Equals(configuration[$"OTEL_{signal}_EXPORTER"], "none", StringComparison.OrdinalIgnoreCase)
        && (!string.IsNullOrWhiteSpace(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"])
            || !string.IsNullOrWhiteSpace(configuration[$"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"]));

    private async Task FlushAsync(OtlpSignal signal, CancellationToken cancellationToken)
    {
        // The SDK's own flush blocks its thread, and for longer than it is told while a collector does not answer: it is left behind then. What the
        // collector does not get is counted; a hook is not forced by it.
        var limit = (int)_longest.TotalMilliseconds;
        var flushed = Task.Factory.StartNew(() => signal.Flush(limit), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            if (await flushed.WaitAsync(_longest, _time, cancellationToken))
            {
                return;
            }
        }
        catch (TimeoutException)
        {
            // Told below.
        }

        Interlocked.Increment(ref _unflushed);
    }
}
