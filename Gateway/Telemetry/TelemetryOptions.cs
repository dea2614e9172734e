namespace NoslateFleet.Gateway.Telemetry;

/// <summary>How the request log is written.</summary>
public enum RequestLogFormat
{
    /// <summary>Text on a terminal, else JSON.</summary>
    Auto,

    /// <summary>One JSON object a line.</summary>
    Json,

    /// <summary>One line to be read by people.</summary>
    Text,

    /// <summary>None.</summary>
    Off,
}

/// <summary>Metrics, traces and the request log. Where metrics and traces are sent to is told by the standard OTEL_ variables.</summary>
public sealed class TelemetryOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Telemetry";

    /// <summary>Whether invocations are measured and /metrics is served. Default true.</summary>
    public bool Metrics { get; set; } = true;

    /// <summary>The request log's form. Default Auto.</summary>
    public RequestLogFormat RequestLog { get; set; } = RequestLogFormat.Auto;

    /// <summary>Which part of the requests that went well is logged, from 0 to 1. Default 1. Those that did not are always logged.</summary>
    public double RequestLogSample { get; set; } = 1;

    /// <summary>How many functions metrics tell apart, from 1 to 10,000. Default 100. All others are told together, as <c>other</c>.</summary>
    public int MaxFunctions { get; set; } = 100;
}
