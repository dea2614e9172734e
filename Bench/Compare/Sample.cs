namespace NoslateFleet.Bench.Compare;

/// <summary>What one run of one contender came to.</summary>
/// <param name="Rate">Requests per second.</param>
/// <param name="P50">Median latency, ms.</param>
/// <param name="P99">99th percentile, ms.</param>
/// <param name="Processor">Processor time per request, microseconds.</param>
/// <param name="Allocated">Bytes allocated per request; null where that can't be had.</param>
internal sealed record Sample(double Rate, double P50, double P99, double Processor, double? Allocated)
{
    /// <summary>The median of each number by itself.</summary>
    public static Sample Median(IReadOnlyCollection<Sample> samples) => new(
        Middle(samples.Select(s => s.Rate)),
        Middle(samples.Select(s => s.P50)),
        Middle(samples.Select(s => s.P99)),
        Middle(samples.Select(s => s.Processor)),
        samples.All(s => s.Allocated is not null) ? Middle(samples.Select(s => s.Allocated!.Value)) : null);

    public static double Middle(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
