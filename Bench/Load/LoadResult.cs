using System.Globalization;

namespace NoslateFleet.Bench.Load;

/// <summary>What a run of load saw.</summary>
/// <param name="Requests">Requests answered as they should be.</param>
/// <param name="Errors">Others.</param>
/// <param name="Seconds">How long the run took.</param>
/// <param name="P50">Median latency, ms.</param>
/// <param name="P99">99th percentile of the latency, ms.</param>
internal sealed record LoadResult(long Requests, long Errors, double Seconds, double P50, double P99)
{
    public static LoadResult Of(Histogram histogram, long errors, double seconds) =>
        new(histogram.Count, errors, seconds, histogram.Percentile(0.5), histogram.Percentile(0.99));

    public static LoadResult Parse(string line)
    {
        var fields = line.Split(' ');
        return new LoadResult(
            long.Parse(fields[0], CultureInfo.InvariantCulture),
            long.Parse(fields[1], CultureInfo.InvariantCulture),
            double.Parse(fields[2], CultureInfo.InvariantCulture),
            double.Parse(fields[3], CultureInfo.InvariantCulture),
            double.Parse(fields[4], CultureInfo.InvariantCulture));
    }

    public string ToLine() => string.Create(CultureInfo.InvariantCulture, $"{Requests} {Errors} {Seconds:R} {P50:R} {P99:R}");
}
