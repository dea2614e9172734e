using System.Diagnostics.CodeAnalysis;

namespace NoslateFleet.Gateway.Telemetry.Prometheus;

/// <summary>The labels of one series.</summary>
/// <param name="labels">The labels, in the order in which the instrument is given them.</param>
internal sealed class LabelSet(KeyValuePair<string, object?>[] labels)
{
    public KeyValuePair<string, object?>[] Labels { get; } = labels;
}

/// <summary>
/// Compares label sets by content, and finds one by the labels of a measurement, so that measuring a known series allocates nothing. Call sites give an instrument
/// its labels in one order, so the order is part of the content.
/// </summary>
internal sealed class LabelSetComparer : IEqualityComparer<LabelSet>, IAlternateEqualityComparer<ReadOnlySpan<KeyValuePair<string, object?>>, LabelSet>
{
    public bool Equals(LabelSet? x, LabelSet? y) => ReferenceEquals(x, y) || (x is not null && y is not null && Equals(x.Labels, y));

    public bool Equals(ReadOnlySpan<KeyValuePair<string, object?>> alternate, LabelSet other)
    {
        var labels = other.Labels;
        if (alternate.Length != labels.Length)
        {
            return false;
        }

        for (var i = 0; i < labels.Length; i++)
        {
            if (!string.Equals(alternate[i].Key, labels[i].Key, StringComparison.Ordinal) || !Equals(alternate[i].Value, labels[i].Value))
            {
                return false;
            }
        }

        return true;
    }

    public int GetHashCode([DisallowNull] LabelSet obj) => GetHashCode(obj.Labels);

    public int GetHashCode(ReadOnlySpan<KeyValuePair<string, object?>> alternate)
    {
        var hash = default(HashCode);
        foreach (var (_, value) in alternate)
        {
            hash.Add(value);
        }

        return hash.ToHashCode();
    }

    public LabelSet Create(ReadOnlySpan<KeyValuePair<string, object?>> alternate) => new(alternate.ToArray());
}
