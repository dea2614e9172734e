using System.Buffers;
using System.Globalization;
using System.Text;

namespace NoslateFleet.Gateway.Telemetry.Prometheus;

/// <summary>
/// The text exposition format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
/// </summary>
internal static class PrometheusText
{
    /// <summary>The format's content type.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Writes families, each with all of its series.</summary>
    public static ReadOnlyMemory<byte> Write(IEnumerable<MetricFamily> families)
    {
        var buffer = new ArrayBufferWriter<byte>(16 * 1024);
        var line = new StringBuilder();
        foreach (var family in families)
        {
            var series = family.All.Select(static s => (Labels: Labels(s.Key), s.Value)).OrderBy(static s => s.Labels, StringComparer.Ordinal).ToList();
            if (series.Count == 0)
            {
                continue;
            }

            line.Append("# HELP ").Append(family.Name).Append(' ').Append(Escape(family.Instrument.Description ?? "", quotes: false)).Append('\n');
            line.Append("# TYPE ").Append(family.Name).Append(' ').Append(TypeName(family.Type)).Append('\n');
            foreach (var (labels, values) in series)
            {
                Write(line, family, labels, values);
            }

            Encoding.UTF8.GetBytes(line.ToString(), buffer);
            line.Clear();
        }

        return buffer.WrittenMemory;
    }

    private static void Write(StringBuilder line, MetricFamily family, string labels, Series series)
    {
        var (value, buckets) = series.Read();
        if (family.Type != MetricType.Histogram)
        {
            Write(line, family.Name, "", labels, Number(value));
            return;
        }

        long below = 0;
        for (var i = 0; i < buckets.Length; i++)
        {
            below += buckets[i];
            var bound = i < family.Bounds!.Length ? Number(family.Bounds[i]) : "+Inf";
            var le = $"le=\"{bound}\"";
            Write(line, family.Name, "_bucket", labels.Length == 0 ? le : labels + "," + le, Number(below));
        }

        Write(line, family.Name, "_sum", labels, Number(value));
        Write(line, family.Name, "_count", labels, Number(below));
    }

    private static void Write(StringBuilder line, string name, string suffix, string labels, string value)
    {
        line.Append(name).Append(suffix);
        if (labels.Length > 0)
        {
            line.Append('{').Append(labels).Append('}');
        }

        line.Append(' ').Append(value).Append('\n');
    }

    private static string Labels(LabelSet set) => string.Join(
        ',', set.Labels.Select(static l => $"{MetricNames.Clean(l.Key)}=\"{Escape(Convert.ToString(l.Value, CultureInfo.InvariantCulture) ?? "", quotes: true)}\""));

    private static string Escape(string text, bool quotes)
    {
        text = text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return quotes ? text.Replace("\"", "\\\"", StringComparison.Ordinal) : text;
    }

    private static string TypeName(MetricType type) => type switch
    {
        MetricType.Counter => "counter",
        MetricType.Histogram => "histogram",
        _ => "gauge",
    };

    private static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        double.NaN => "NaN",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };
}
