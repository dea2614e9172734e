using System.Globalization;

namespace NoslateFleet.Bench.Compare;

/// <summary>Prints what was measured as two tables.</summary>
internal static class Report
{
    public static void Write(TextWriter output, CompareOptions options, IReadOnlyList<string> contenders, Measurements measurements)
    {
        var rows = new List<string[]> { new[] { "load", "", "requests/s", "p50 ms", "p99 ms", "CPU us/req", "bytes/req", "CPU, of ours" } };
        foreach (var cell in options.Cells)
        {
            var ours = measurements.Of(Contender.Gateway, cell)!;
            foreach (var contender in contenders)
            {
                if (measurements.Of(contender, cell) is not { } sample)
                {
                    continue;
                }

                rows.Add(
                [
                    contender == Contender.Gateway ? cell.ToString() : "",
                    contender,
                    Text(sample.Rate, "0"),
                    Text(sample.P50, "0.000"),
                    Text(sample.P99, "0.000"),
                    Text(sample.Processor, "0.0"),
                    sample.Allocated is { } bytes ? Text(bytes, "0") : "",
                    Text(sample.Processor / ours.Processor, "0.00"),
                ]);
            }
        }

        WriteTable(output, rows, textColumns: 2);
        output.WriteLine();
        WriteTable(
            output,
            [
                ["target", "limit", "measured", "met"],
                .. Target.All(measurements).Select(t => new[] { t.Name, t.Limit, t.Measured ?? "", t.Measured is null ? "not measured" : t.Met ? "yes" : "NO" }),
            ],
            textColumns: 2);
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static void WriteTable(TextWriter output, List<string[]> rows, int textColumns)
    {
        var widths = rows[0].Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
        {
            var cells = row.Select((text, column) => column < textColumns ? text.PadRight(widths[column]) : text.PadLeft(widths[column]));
            output.WriteLine(string.Join("  ", cells).TrimEnd());
        }
    }
}
