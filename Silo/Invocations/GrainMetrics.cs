using System.Diagnostics.Metrics;
using NoslateFleet.Gateway.Telemetry;

namespace NoslateFleet.Silo.Invocations;

/// <summary>Why an invocation went past the local grain.</summary>
internal enum BypassReason
{
    /// <summary>There is no silo whose grains can be called: it starts, restarts or rejoins.</summary>
    Closed,

    /// <summary>The function's grain was late or failed a moment ago, and has not answered since.</summary>
    Suspect,

    /// <summary>A call had not come back in time.</summary>
    Late,

    /// <summary>A call failed.</summary>
    Error,

    /// <summary>More invocations end, or are under way, than the grains should have at a time.</summary>
    Full,
}

/// <summary>Counts the invocations that went past the local grain, each once.</summary>
internal sealed class GrainMetrics : IDisposable
{
    private static readonly string[] _reasons = ["closed", "suspect", "late", "error", "full"];

    private readonly Meter _meter;
    private readonly Counter<long> _bypassed;
    private readonly long[] _counts = new long[_reasons.Length];

    public GrainMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(FleetMetrics.MeterName);
        _bypassed = _meter.CreateCounter<long>(
            FleetMetrics.GrainBypass,
            "{request}",
            "Requests that the coordinator decided about or ended directly, because the local grain could not be called, was late or failed.");
    }

    /// <summary>How many went past so far.</summary>
    public long Bypassed => Enum.GetValues<BypassReason>().Sum(BypassedFor);

    /// <summary>How many went past so far for one reason.</summary>
    /// <param name="reason">The reason.</param>
    public long BypassedFor(BypassReason reason) => Volatile.Read(ref _counts[(int)reason]);

    /// <summary>Counts one.</summary>
    /// <param name="reason">Why.</param>
    public void Bypass(BypassReason reason)
    {
        Interlocked.Increment(ref _counts[(int)reason]);
        _bypassed.Add(1, new KeyValuePair<string, object?>("reason", _reasons[(int)reason]));
    }

    public void Dispose() => _meter.Dispose();
}
