using System.Diagnostics.Metrics;

namespace NoslateFleet.Gateway.Telemetry.Prometheus;

/// <summary>Keeps what the process's instruments measure, for whoever scrapes it.</summary>
internal sealed class MetricCollector : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly SortedDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _turn = new(1, 1);

    public MetricCollector(FleetMetrics metrics)
    {
        metrics.MeasurementsLeftOut = () => Dropped;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (metrics.Shows(instrument) && MetricFamily.Of(instrument) is { } family)
            {
                lock (_lock)
                {
                    // Two instruments of one name would be one family told twice: the first is shown.
                    if (!_families.TryAdd(family.Name, family))
                    {
                        return;
                    }
                }

                listener.EnableMeasurementEvents(instrument, family);
            }
        };
        _listener.SetMeasurementEventCallback<long>(static (_, value, labels, family) => ((MetricFamily)family!).Record(value, labels));
        _listener.SetMeasurementEventCallback<int>(static (_, value, labels, family) => ((MetricFamily)family!).Record(value, labels));
        _listener.SetMeasurementEventCallback<double>(static (_, value, labels, family) => ((MetricFamily)family!).Record(value, labels));
        _listener.Start();
    }

    /// <summary>Measurements left out because an instrument had too many series.</summary>
    public long Dropped
    {
        get
        {
            lock (_lock)
            {
                return _families.Values.Sum(static f => f.Dropped);
            }
        }
    }

    /// <summary>Asks the observed instruments, and writes all families. One at a time: two scrapes at once would see half of each other.</summary>
    /// <param name="cancellationToken">Ends the wait for a turn.</param>
    public async Task<ReadOnlyMemory<byte>> CollectAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            List<MetricFamily> families;
            lock (_lock)
            {
                families = [.. _families.Values];
            }

            families.ForEach(static f => f.BeginObservation());
            _listener.RecordObservableInstruments();
            return PrometheusText.Write(families);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        _turn.Dispose();
    }
}
