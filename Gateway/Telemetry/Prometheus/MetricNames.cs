using System.Diagnostics.Metrics;
using System.Text;

namespace NoslateFleet.Gateway.Telemetry.Prometheus;

/// <summary>Names in Prometheus's form, by the rules of https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/.</summary>
internal static class MetricNames
{
    /// <summary>An instrument's name: dots become underscores, a unit with a name of its own and <c>_total</c> for counters are added.</summary>
    public static string Of(Instrument instrument, MetricType type)
    {
        var name = Clean(instrument.Name);
        var unit = instrument.Unit switch
        {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        if (!name.EndsWith(unit, StringComparison.Ordinal))
        {
            name += unit;
        }

        return type == MetricType.Counter ? name + "_total" : name;
    }

    /// <summary>A label's name.</summary>
    public static string Clean(string name)
    {
        var clean = new StringBuilder(name.Length);
        foreach (var c in name)
        {
            clean.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
        }

        return clean.Length > 0 && char.IsAsciiDigit(clean[0]) ? clean.Insert(0, '_').ToString() : clean.ToString();
    }
}
