using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>
/// Metrics or traces on their way to a collector. What uses the SDK is here, and none of it in a field: most processes have no collector, and those
/// don't load it.
/// </summary>
internal sealed class OtlpSignal : IDisposable
{
    public const string Metrics = "METRICS";
    public const string Traces = "TRACES";

    // A stop waits for the last try: the standard's 10 s would be most of its budget.
    private const int DefaultTimeout = 2000;

    private readonly IDisposable _provider;
    private readonly Func<int, bool> _flush;

    private OtlpSignal(IDisposable provider, Func<int, bool> flush)
    {
        _provider = provider;
        _flush = flush;
    }

    public static OtlpSignal OfMetrics(IConfiguration configuration, string instanceId)
    {
        var provider = Sdk.CreateMeterProviderBuilder()
            .ConfigureServices(services => Configure(services, configuration))
            .ConfigureResource(resource => Describe(resource, instanceId))
            .AddMeter(FleetMetrics.MeterName)
            .AddOtlpExporter(options => Apply(options, configuration, Metrics))
            .Build();
        return new OtlpSignal(provider, provider.ForceFlush);
    }

    public static OtlpSignal OfTraces(IConfiguration configuration, string instanceId)
    {
        var provider = Sdk.CreateTracerProviderBuilder()
            .ConfigureServices(services => Configure(services, configuration))
            .ConfigureResource(resource => Describe(resource, instanceId))
            .AddSource(GatewayActivity.Source.Name)
            .AddOtlpExporter(options => Apply(options, configuration, Traces))
            .Build();
        return new OtlpSignal(provider, provider.ForceFlush);
    }

    /// <summary>Sends what there is; blocks.</summary>
    /// <param name="milliseconds">How long it may take, by the SDK's own reckoning.</param>
    public bool Flush(int milliseconds) => _flush(milliseconds);

    /// <summary>Tries once more to send, and waits for the collector as long as it takes.</summary>
    public void Dispose() => _provider.Dispose();

    // The SDK reads the environment alone; here the variables may also come by the command line, as all settings may.
    private static void Configure(IServiceCollection services, IConfiguration configuration) => services.AddSingleton(configuration);

    private static void Describe(ResourceBuilder resource, string instanceId) => resource
        .AddService("noslate-fleet", serviceVersion: typeof(OtlpSignal).Assembly.GetName().Version?.ToString(3),
            autoGenerateServiceInstanceId: false, serviceInstanceId: instanceId)
        .AddEnvironmentVariableDetector();

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
