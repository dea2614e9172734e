using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace NoslateFleet.Gateway.Telemetry.Prometheus;

/// <summary>What the family's type line says.</summary>
internal enum MetricType
{
    Counter,
    Gauge,
    Histogram,
}

/// <summary>One instrument and its series. Bounded: what would need more series than that is counted and left out.</summary>
internal sealed class MetricFamily
{
    /// <summary>The most series of an instrument: each is a line for ever in whatever collects them, a histogram's more than a dozen.</summary>
    public const int MaxSeries = 2000;

    private static readonly LabelSetComparer _comparer = new();

    private readonly ConcurrentDictionary<LabelSet, Series> _series = new(_comparer);
    private readonly ConcurrentDictionary<LabelSet, Series>.AlternateLookup<ReadOnlySpan<KeyValuePair<string, object?>>> _lookup;
    private readonly bool _observed;
    private int _count;
    private long _dropped;

    private MetricFamily(Instrument instrument, MetricType type, double[]? bounds)
    {
        Instrument = instrument;
        Type = type;
        Bounds = bounds;
        Name = MetricNames.Of(instrument, type);
        _observed = instrument.IsObservable;
        _lookup = _series.GetAlternateLookup<ReadOnlySpan<KeyValuePair<string, object?>>>();
    }

    public Instrument Instrument { get; }

    public MetricType Type { get; }

    /// <summary>Upper bounds of a histogram's buckets, ascending; null for others.</summary>
    public double[]? Bounds { get; }

    /// <summary>The family's name, in Prometheus's form.</summary>
    public string Name { get; }

    /// <summary>Measurements that found no room.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    public IEnumerable<KeyValuePair<LabelSet, Series>> All => _series;

    /// <summary>The family of an instrument; null for a kind that Prometheus has none for.</summary>
    public static MetricFamily? Of(Instrument instrument) => instrument switch
    {
        Histogram<double> histogram => new MetricFamily(instrument, MetricType.Histogram, [.. histogram.Advice?.HistogramBucketBoundaries ?? []]),
        Counter<long> or Counter<double> or ObservableCounter<long> or ObservableCounter<double> or ObservableCounter<int> =>
            new MetricFamily(instrument, MetricType.Counter, null),
        ObservableGauge<int> or ObservableGauge<long> or ObservableGauge<double> or UpDownCounter<long> or UpDownCounter<int>
            or ObservableUpDownCounter<long> or ObservableUpDownCounter<int> or ObservableUpDownCounter<double> or Gauge<double> or Gauge<long> =>
            new MetricFamily(instrument, MetricType.Gauge, null),
        _ => null,
    };

    /// <summary>Takes in a measurement.</summary>
    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        if (!_lookup.TryGetValue(labels, out var series))
        {
            if (Volatile.Read(ref _count) >= MaxSeries)
            {
                Interlocked.Increment(ref _dropped);
                return;
            }

            series = new Series(Bounds);
            if (_lookup.TryAdd(labels, series))
            {
                Interlocked.Increment(ref _count);
            }
            else
            {
                series = _lookup[labels];
            }
        }

        if (Type == MetricType.Histogram)
        {
            series.Observe(value);
        }
        else if (_observed || Instrument is Gauge<double> or Gauge<long>)
        {
            series.Set(value);
        }
        else
        {
            series.Add(value);
        }
    }

    /// <summary>Before observed instruments are asked: what they don't tell of any more is gone.</summary>
    public void BeginObservation()
    {
        if (_observed)
        {
            _series.Clear();
            Volatile.Write(ref _count, 0);
        }
    }
}
