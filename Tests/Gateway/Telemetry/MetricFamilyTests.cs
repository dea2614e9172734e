using System.Diagnostics.Metrics;
using System.Text;
using NoslateFleet.Gateway.Telemetry.Prometheus;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Gateway.Telemetry;

/// <summary>What becomes of measurements, without a gateway.</summary>
public sealed class MetricFamilyTests : IDisposable
{
    private readonly Meter _meter = new("test");

    public void Dispose() => _meter.Dispose();

    [Fact]
    public void MoreSeriesThanTheBound_AreCountedAndLeftOut()
    {
        var family = MetricFamily.Of(_meter.CreateCounter<long>("c"))!;
        for (var i = 0; i < MetricFamily.MaxSeries + 50; i++)
        {
            family.Record(1, [new("i", i)]);
        }

        family.Record(1, [new("i", 0)]);
        Assert.Equal(MetricFamily.MaxSeries, family.All.Count());
        Assert.Equal(50, family.Dropped);
    }

    [Fact]
    public void AMeasurementOfAKnownSeries_AllocatesNothing()
    {
        var family = MetricFamily.Of(_meter.CreateHistogram("h", "s", "", null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [1, 2] }))!;
        KeyValuePair<string, object?>[] labels = [new("function", "echo"), new("outcome", "completed")];
        family.Record(1, labels);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            family.Record(1.5, labels);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void LabelsAndHelp_AreEscaped()
    {
        const string Ugly = "a\"b\\c\nd{}=,\u4f60\u597d";
        var family = MetricFamily.Of(_meter.CreateCounter<long>("c", "", "help\\ with\nlines"))!;
        family.Record(3, [new("x", Ugly)]);
        var page = PrometheusPage.Parse(Encoding.UTF8.GetString(PrometheusText.Write([family]).Span));
        Assert.Equal(Ugly, page.Samples.Single().Labels["x"]);
        Assert.Equal(3, page.Sum("c_total", ("x", Ugly)));
    }

    [Fact]
    public void AHistogram_CountsEachBoundAsWithin()
    {
        var family = MetricFamily.Of(_meter.CreateHistogram("h", "s", "", null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 1, 5] }))!;
        foreach (var value in new[] { 0.1, 0.05, 1, 1.0001, 7 })
        {
            family.Record(value, []);
        }

        var page = PrometheusPage.Parse(Encoding.UTF8.GetString(PrometheusText.Write([family]).Span));
        Assert.Equal([2, 3, 4, 5], page.Of("h_seconds_bucket").Select(s => s.Value));
        Assert.Equal(9.1501, page.Sum("h_seconds_sum"), 6);
    }

    [Fact]
    public void WhatAnObservedInstrumentTellsOfNoMore_IsGone()
    {
        var family = MetricFamily.Of(_meter.CreateObservableGauge("g", () => 0))!;
        family.Record(1, [new("plane", "dp-0")]);
        family.Record(1, [new("plane", "dp-1")]);
        family.BeginObservation();
        family.Record(0, [new("plane", "dp-0")]);
        Assert.Equal(["dp-0"], family.All.Select(s => s.Key.Labels[0].Value));
    }

    [Fact]
    public void ConcurrentMeasurements_AreAllCounted()
    {
        var family = MetricFamily.Of(_meter.CreateCounter<long>("c"))!;
        Parallel.For(0, 8, _ =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                family.Record(1, [new("i", i % 7)]);
            }
        });
        Assert.Equal(80_000, family.All.Sum(s => s.Value.Read().Value));
    }

    [Theory]
    [InlineData("noslatefleet.invocation.duration", "s", "Histogram", "noslatefleet_invocation_duration_seconds")]
    [InlineData("noslatefleet.refusals", "{request}", "Counter", "noslatefleet_refusals_total")]
    [InlineData("dotnet.process.memory.working_set", "By", "Gauge", "dotnet_process_memory_working_set_bytes")]
    [InlineData("1x-y", null, "Gauge", "_1x_y")]
    public void Names_FollowTheRules(string name, string? unit, string type, string expected) =>
        Assert.Equal(expected, MetricNames.Of(_meter.CreateCounter<long>(name, unit), Enum.Parse<MetricType>(type)));
}
