using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>Tells metrics and the request log of each request's end. On the invocation's own thread: it never waits.</summary>
internal sealed class InvocationTelemetry(TelemetryOptions options, FleetMetrics metrics, RequestLog log, TimeProvider time)
{
    private readonly bool _measures = options.Metrics;

    /// <summary>The reason of what a stop gave up.</summary>
    private const string Abandoned = "abandoned";

    /// <summary>The reason of an answer that could not be written to its end.</summary>
    private const string Cut = "response-cut";

    /// <summary>An accepted invocation has ended, with the end of its response.</summary>
    /// <param name="exchange">The request; its response may not be touched any more.</param>
    /// <param name="outcome">How it ended.</param>
    public void Ended(PlatformExchange exchange, Outcome outcome)
    {
        var accepted = exchange.AcceptedAt;
        var ended = new EndedInvocation(
            exchange.RequestId,
            exchange.Method,
            exchange.Target,
            exchange.Response.StatusCode,
            outcome,
            Accepted: true,
            outcome switch { Outcome.Completed => null, Outcome.Abandoned => Abandoned, _ => exchange.Reason ?? Cut },
            outcome == Outcome.Completed ? Executed.Yes : exchange.Executed == Executed.Never && exchange.Reason is null ? Executed.Maybe : exchange.Executed,
            time.GetElapsedTime(accepted),
            time.GetElapsedTime(exchange.StartedAt, accepted),
            exchange.HeadAt == 0 ? null : time.GetElapsedTime(accepted, exchange.HeadAt),
            exchange.Bytes);
        if (_measures)
        {
            metrics.Ended(ended);
        }

        log.Write(ended);
    }

    /// <summary>A request was answered without being accepted.</summary>
    /// <param name="exchange">The request.</param>
    public void Refused(PlatformExchange exchange)
    {
        if (_measures)
        {
            metrics.Refused(exchange.Reason!);
        }

        log.Write(new EndedInvocation(
            exchange.RequestId,
            exchange.Method,
            exchange.Target,
            exchange.Response.StatusCode,
            Outcome.Failed,
            Accepted: false,
            exchange.Reason,
            exchange.Executed,
            time.GetElapsedTime(exchange.StartedAt),
            TimeSpan.Zero,
            TimeToHead: null,
            Bytes: 0));
    }
}
