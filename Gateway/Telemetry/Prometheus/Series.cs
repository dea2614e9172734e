namespace NoslateFleet.Gateway.Telemetry.Prometheus;

/// <summary>What has been measured under one set of labels. Safe under concurrent callers.</summary>
/// <param name="bounds">The buckets' upper bounds; null for what is no histogram.</param>
internal sealed class Series(double[]? bounds)
{
    private readonly long[]? _buckets = bounds is null ? null : new long[bounds.Length + 1];
    private readonly Lock _lock = new();
    private double _value;

    /// <summary>A counter's increment.</summary>
    public void Add(double increment)
    {
        lock (_lock)
        {
            _value += increment;
        }
    }

    /// <summary>A gauge's value, or a counter's total as its owner counts it.</summary>
    public void Set(double value)
    {
        lock (_lock)
        {
            _value = value;
        }
    }

    /// <summary>A histogram's measurement.</summary>
    public void Observe(double value)
    {
        var bucket = bounds.AsSpan().BinarySearch(value);
        bucket = bucket < 0 ? ~bucket : bucket;
        lock (_lock)
        {
            _buckets![bucket]++;
            _value += value;
        }
    }

    /// <summary>The value or the sum, and each bucket's own count, all of one instant.</summary>
    public (double Value, long[] Buckets) Read()
    {
        lock (_lock)
        {
            return (_value, _buckets is null ? [] : [.. _buckets]);
        }
    }
}
