using System.Globalization;

namespace NoslateFleet.Tests.Common;

/// <summary>One line of a page of metrics.</summary>
/// <param name="Family">The family that it belongs to, by its TYPE line.</param>
/// <param name="Name">Its own name: the family's, or that with _bucket, _sum or _count.</param>
/// <param name="Labels">Its labels.</param>
/// <param name="Value">Its value.</param>
public sealed record PrometheusSample(string Family, string Name, IReadOnlyDictionary<string, string> Labels, double Value);

/// <summary>
/// Reads Prometheus's text format as strictly as its description allows (https://prometheus.io/docs/instrumenting/exposition_formats/): what a scraper might forgive
/// is an error here.
/// </summary>
public sealed class PrometheusPage
{
    private readonly List<PrometheusSample> samples = [];
    private readonly Dictionary<string, string> types = new(StringComparer.Ordinal);

    private PrometheusPage()
    {
    }

    public IReadOnlyList<PrometheusSample> Samples => samples;

    /// <summary>Each family's type.</summary>
    public IReadOnlyDictionary<string, string> Types => types;

    public static PrometheusPage Parse(string text)
    {
        var page = new PrometheusPage();
        if (text.Length > 0 && !text.EndsWith('\n'))
            throw new FormatException("the page must end with a line feed");
        string? family = null;
        string? help = null;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var line in text.Split('\n')[..^1])
        {
            if (line.StartsWith("# HELP ", StringComparison.Ordinal))
            {
                help = line[7..].Split(' ', 2)[0];
            }
            else if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                var parts = line[7..].Split(' ');
                if (parts.Length != 2 || parts[1] is not ("counter" or "gauge" or "histogram"))
                    throw new FormatException("no type line: " + line);
                family = parts[0];
                if (help != family)
                    throw new FormatException($"HELP and TYPE of {family} do not stand together");
                if (!page.types.TryAdd(family, parts[1]))
                    throw new FormatException($"{family} is told twice");
            }
            else
            {
                var sample = ParseSample(line, family ?? throw new FormatException("a sample before any TYPE: " + line));
                if (!seen.Add(sample.Name + string.Join(',', sample.Labels.OrderBy(l => l.Key, StringComparer.Ordinal))))
                    throw new FormatException("told twice: " + line);
                page.Check(sample);
                page.samples.Add(sample);
            }
        }

        page.CheckHistograms();
        return page;
    }

    /// <summary>The sum of the samples of a name that bear these labels; 0 where there are none.</summary>
    public double Sum(string name, params (string Label, string Value)[] labels) => Of(name, labels).Sum(s => s.Value);

    /// <summary>The samples of a name that bear these labels.</summary>
    public IEnumerable<PrometheusSample> Of(string name, params (string Label, string Value)[] labels) =>
        samples.Where(s => s.Name == name && labels.All(l => s.Labels.TryGetValue(l.Label, out var value) && value == l.Value));

    private static PrometheusSample ParseSample(string line, string family)
    {
        var position = 0;
        var name = Name(line, ref position, colons: true);
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        if (position < line.Length && line[position] == '{')
        {
            position++;
            while (true)
            {
                var label = Name(line, ref position, colons: false);
                Expect(line, ref position, '=');
                Expect(line, ref position, '"');
                var value = new System.Text.StringBuilder();
                for (; line[position] != '"'; position++)
                {
                    var c = line[position];
                    if (c == '\\')
                    {
                        c = line[++position] switch { '\\' => '\\', '"' => '"', 'n' => '\n', _ => throw new FormatException("no such escape: " + line) };
                    }

                    value.Append(c);
                }

                position++;
                if (!labels.TryAdd(label, value.ToString()))
                    throw new FormatException("a label twice: " + line);
                if (line[position] == ',')
                {
                    position++;
                    continue;
                }

                Expect(line, ref position, '}');
                break;
            }
        }

        Expect(line, ref position, ' ');
        var number = line[position..] switch
        {
            "+Inf" => double.PositiveInfinity,
            "-Inf" => double.NegativeInfinity,
            "NaN" => double.NaN,
            var text => double.Parse(text, NumberStyles.Float & ~NumberStyles.AllowLeadingWhite & ~NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture),
        };
        return new PrometheusSample(family, name, labels, number);
    }

    private static string Name(string line, ref int position, bool colons)
    {
        var start = position;
        while (position < line.Length && (char.IsAsciiLetterOrDigit(line[position]) || line[position] == '_' || (colons && line[position] == ':')))
            position++;
        if (position == start || char.IsAsciiDigit(line[start]))
            throw new FormatException($"a name is expected at {start}: {line}");
        return line[start..position];
    }

    private static void Expect(string line, ref int position, char c)
    {
        if (position >= line.Length || line[position++] != c)
            throw new FormatException($"{c} is expected at {position - 1}: {line}");
    }

    private void Check(PrometheusSample sample)
    {
        var suffix = sample.Name.StartsWith(sample.Family, StringComparison.Ordinal) ? sample.Name[sample.Family.Length..] : "?";
        var fits = types[sample.Family] == "histogram" ? suffix is "_bucket" or "_sum" or "_count" : suffix is "";
        if (!fits || (suffix == "_bucket") != sample.Labels.ContainsKey("le"))
            throw new FormatException($"{sample.Name} does not belong to {sample.Family}");
        if (types[sample.Family] == "counter" && (!sample.Family.EndsWith("_total", StringComparison.Ordinal) || !(sample.Value >= 0)))
            throw new FormatException($"{sample.Name} is no counter: {sample.Value}");
    }

    private void CheckHistograms()
    {
        foreach (var series in samples.Where(s => s.Name.EndsWith("_bucket", StringComparison.Ordinal) && types[s.Family] == "histogram")
            .GroupBy(s => s.Family + "|" + string.Join(',', s.Labels.Where(l => l.Key != "le").OrderBy(l => l.Key, StringComparer.Ordinal))))
        {
            var buckets = series.Select(s => (Bound: s.Labels["le"] == "+Inf" ? double.PositiveInfinity : double.Parse(s.Labels["le"], CultureInfo.InvariantCulture), s.Value)).ToList();
            for (var i = 1; i < buckets.Count; i++)
                if (buckets[i].Bound <= buckets[i - 1].Bound || buckets[i].Value < buckets[i - 1].Value)
                    throw new FormatException($"the buckets of {series.Key} do not ascend");
            var first = series.First();
            var count = samples.Single(s => s.Name == first.Family + "_count" && s.Labels.All(l => first.Labels.TryGetValue(l.Key, out var value) && value == l.Value));
            if (!double.IsPositiveInfinity(buckets[^1].Bound) || buckets[^1].Value != count.Value)
                throw new FormatException($"the last bucket of {series.Key} must be +Inf and its count");
        }
    }
}
