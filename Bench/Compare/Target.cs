using System.Globalization;

namespace NoslateFleet.Bench.Compare;

/// <summary>One thing that the gateway is to reach.</summary>
/// <param name="Name">What.</param>
/// <param name="Limit">The limit as text.</param>
/// <param name="Measured">What was measured, as text; null if it was not.</param>
/// <param name="Met">Whether the limit is kept.</param>
internal sealed record Target(string Name, string Limit, string? Measured, bool Met)
{
    private static readonly Cell _one = new(1024, 1);
    private static readonly Cell _eight = new(1024, 8);
    private static readonly Cell _thirtyTwo = new(1024, 32);
    private static readonly Cell _large = new(64 * 1024, 8);

    public static IReadOnlyList<Target> All(Measurements m) =>
    [
        AtMostRatio(m, _thirtyTwo, "processor time, of the reference's", s => s.Processor, 1 / 10.0, "1/10"),
        AtMostRatio(m, _eight, "processor time, of the reference's", s => s.Processor, 1 / 7.0, "1/7"),
        AtMost("1 KB c=32: processor time, times the two floors' sum", "1.4", Over(m.Of(Contender.Gateway, _thirtyTwo)?.Processor, Floors(m, _thirtyTwo)), 1.4, "0.00"),
        AtLeast("1 KB c=32: throughput, times the reference's", "10", Over(m.Of(Contender.Gateway, _thirtyTwo)?.Rate, m.Of(Contender.Reference, _thirtyTwo)?.Rate), 10),
        AtMostRatio(m, _thirtyTwo, "p99, of the reference's", s => s.P99, 1 / 8.0, "1/8"),
        AtMost("1 KB c=32: allocated per request, KB", "7", m.Of(Contender.Gateway, _thirtyTwo)?.Allocated / 1024, 7, "0.0"),
        AtMost("1 KB c=32: processor time, times that without telemetry and request log", "1.10",
            Over(m.Of(Contender.Gateway, _thirtyTwo)?.Processor, m.Of(Contender.Silent, _thirtyTwo)?.Processor), 1.10, "0.00"),
        AtMostRatio(m, _large, "processor time, of the reference's", s => s.Processor, 1 / 4.0, "1/4"),
        AtMost("64 KB c=8: allocated per request, KB", "16", m.Of(Contender.Gateway, _large)?.Allocated / 1024, 16, "0.0"),
        AtMost("1 KB c=1: p50 over the bare client's, ms", "0.15", m.Of(Contender.Gateway, _one)?.P50 - m.Of(Contender.Client, _one)?.P50, 0.15, "0.000"),
        AtMost("start to first 200, s", "0.4", m.FirstAnswerSeconds, 0.4, "0.00"),
        AtMost("resident after 10,000 requests, MiB", "95", m.ResidentMebibytes, 95, "0.0"),
    ];

    private static double? Floors(Measurements m, Cell cell) => m.Of(Contender.Http, cell)?.Processor + m.Of(Contender.Client, cell)?.Processor;

    private static double? Over(double? ours, double? other) => ours / other;

    private static Target AtMostRatio(Measurements m, Cell cell, string name, Func<Sample, double> of, double limit, string text)
    {
        var ratio = m.Of(Contender.Gateway, cell) is { } ours && m.Of(Contender.Reference, cell) is { } other ? of(ours) / of(other) : (double?)null;
        var shown = ratio is { } r ? string.Create(CultureInfo.InvariantCulture, $"1/{1 / r:0.0}") : null;
        return new Target($"{cell}: {name}", "at most " + text, shown, ratio <= limit);
    }

    private static Target AtMost(string name, string limit, double? measured, double value, string format) =>
        new(name, "at most " + limit, measured?.ToString(format, CultureInfo.InvariantCulture), measured <= value);

    private static Target AtLeast(string name, string limit, double? measured, double value) =>
        new(name, "at least " + limit, measured?.ToString("0.0", CultureInfo.InvariantCulture), measured >= value);
}
