using System.Diagnostics.Tracing;
using Microsoft.Extensions.Logging;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>Tells once that a collector does not take what is sent to it: the SDK tells such things to its own event source only, where nobody looks.</summary>
internal sealed partial class ExporterWatch : EventListener
{
    private const string Exporter = "OpenTelemetry-Exporter-OpenTelemetryProtocol";

    // At whatever level: a collector that refuses is a warning over HTTP and less over gRPC.
    private static readonly HashSet<string> _failures = new(StringComparer.Ordinal)
    {
        "ExportFailure", "ExportMethodException", "FailedToReachCollector", "GrpcStatusWarning", "HttpRequestFailed", "OperationUnexpectedlyCanceled", "RequestTimedOut",
        "TransientHttpError",
    };

    private readonly ILogger? _logger;
    private int _told;

    public ExporterWatch(ILogger logger) => _logger = logger;

    // Called by the base class's constructor too, for what is there already.
    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == Exporter)
        {
            EnableEvents(eventSource, EventLevel.Informational);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        // Its words may have the address with a password in it, and a stack trace: only its name is told.
        if (_logger is not null && eventData is { EventSource.Name: Exporter, EventName: { } name } && _failures.Contains(name) && Interlocked.Exchange(ref _told, 1) == 0)
        {
            NotTaken(_logger, name);
        }
    }

    [LoggerMessage(1096, LogLevel.Warning,
        "The collector that the OTEL_ variables name does not take what is sent to it ({Event}): metrics and traces are lost until it does. This is told once")]
    private static partial void NotTaken(ILogger logger, string @event);
}
