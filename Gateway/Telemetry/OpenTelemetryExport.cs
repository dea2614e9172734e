using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NoslateFleet.Gateway.Lifecycle;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>
/// Sends metrics and traces to a collector by OTLP, where the standard variables say so (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/):
/// an endpoint, for both or for one, and no <c>none</c> exporter, and the SDK not disabled. Its queues are bounded and it works on threads of its own, so that a collector
/// that is away costs nothing but what it would have got.
/// </summary>
internal sealed class OpenTelemetryExport : IHostedService, IFlushed, IDisposable
{
    // A stop waits for the last try: the standard's 10 s would be most of its budget.
    private const int DefaultTimeout = 2000;

    private readonly MeterProvider? _metrics;
    private readonly TracerProvider? _traces;
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

        void Describe(ResourceBuilder resource) => resource
            .AddService("noslate-fleet", serviceVersion: typeof(OpenTelemetryExport).Assembly.GetName().Version?.ToString(3),
                autoGenerateServiceInstanceId: false, serviceInstanceId: lifecycle.InstanceId)
            .AddEnvironmentVariableDetector();

        // The SDK reads the environment alone; here the variables may also come by the command line, as all settings may.
        void Configure(IServiceCollection services) => services.AddSingleton(configuration);

        if (IsWanted(configuration, "METRICS"))
        {
            _metrics = Sdk.CreateMeterProviderBuilder()
                .ConfigureServices(Configure)
                .ConfigureResource(Describe)
                .AddMeter(FleetMetrics.MeterName)
                .AddOtlpExporter(options => Apply(options, configuration, "METRICS"))
                .Build();
        }

        if (IsWanted(configuration, "TRACES"))
        {
            _traces = Sdk.CreateTracerProviderBuilder()
                .ConfigureServices(Configure)
                .ConfigureResource(Describe)
                .AddSource(GatewayActivity.Source.Name)
                .AddOtlpExporter(options => Apply(options, configuration, "TRACES"))
                .Build();
        }

        if (_metrics is not null || _traces is not null)
        {
            _watch = new ExporterWatch(logger);
        }
    }

    /// <summary>Flushes that were not done in time, or failed.</summary>
    public long Unflushed => Interlocked.Read(ref _unflushed);

    // Made with the host, so that it listens from the first request on.
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task FlushAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(FlushAsync(_metrics is null ? null : _metrics.ForceFlush, cancellationToken), FlushAsync(_traces is null ? null : _traces.ForceFlush, cancellationToken));

    public void Dispose()
    {
        // Each tries once more to send, and waits for its collector as long as it takes: whatever was to be sent has had its time in the stop, and the
        // process is to end now. What hangs is left behind on a thread that keeps no process alive.
        Task.WaitAll(
            [.. new IDisposable?[] { _metrics, _traces }.OfType<IDisposable>()
                .Select(static one => Task.Factory.StartNew(one.Dispose, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))],
            _longest);
        _watch?.Dispose();
    }

    private static bool IsWanted(IConfiguration configuration, string signal) =>
        !string.Equals(configuration[$"OTEL_{signal}_EXPORTER"], "none", StringComparison.OrdinalIgnoreCase)
        && (!string.IsNullOrWhiteSpace(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"])
            || !string.IsNullOrWhiteSpace(configuration[$"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"]));

    private async Task FlushAsync(Func<int, bool>? flush, CancellationToken cancellationToken)
    {
        if (flush is null)
        {
            return;
        }

        // The SDK's own flush blocks its thread, and for longer than it is told while a collector does not answer: it is left behind then. What the
        // collector does not get is counted; a hook is not forced by it.
        var limit = (int)_longest.TotalMilliseconds;
        var flushed = Task.Factory.StartNew(() => flush(limit), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
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

    /// <summary>What the standard says for one signal and the SDK reads for both only.</summary>
    private static void Apply(OtlpExporterOptions options, IConfiguration configuration, string signal)
    {
        if (configuration[$"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"] is { Length: > 0 } endpoint && Uri.TryCreate(endpoint, UriKind.Absolute, out var address))
        {
            options.Endpoint = address;
        }

        if (configuration[$"OTEL_EXPORTER_OTLP_{signal}_HEADERS"] is { Length: > 0 } headers)
        {
            options.Headers = headers;
        }

        if (string.IsNullOrEmpty(configuration["OTEL_EXPORTER_OTLP_TIMEOUT"]))
        {
            options.TimeoutMilliseconds = DefaultTimeout;
        }
    }
}
