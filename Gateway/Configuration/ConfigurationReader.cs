using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace NoslateFleet.Gateway.Configuration;

/// <summary>
/// Reads typed values and collects every error instead of stopping at the first, which the framework's binder would do. It also
/// remembers which keys it was asked for, so that a misspelled one can be pointed out.
/// </summary>
/// <param name="configuration">The configuration.</param>
internal sealed class ConfigurationReader(IConfiguration configuration)
{
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>What is wrong so far.</summary>
    public List<string> Errors { get; } = [];

    public void Error(string key, string? value, string problem) => Errors.Add($"{key} = {Show(value)}: {problem}");

    public string? Text(string key)
    {
        _known.Add(key);
        var value = configuration[key];
        return string.IsNullOrWhiteSpace(value) ? null : value.Trim();
    }

    public string Text(string key, string fallback) => Text(key) ?? fallback;

    public int Integer(string key, int fallback, int min, int max)
    {
        var text = Text(key);
        if (text is null)
        {
            return fallback;
        }

        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max)
        {
            return value;
        }

        Error(key, text, string.Create(CultureInfo.InvariantCulture, $"must be a whole number from {min} to {max}"));
        return fallback;
    }

    public double Fraction(string key, double fallback)
    {
        var text = Text(key);
        if (text is null)
        {
            return fallback;
        }

        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= 1)
        {
            return value;
        }

        Error(key, text, "must be a number from 0 to 1, such as 0.1");
        return fallback;
    }

    public long? Bytes(string key, long? fallback)
    {
        var text = Text(key);
        if (text is null)
        {
            return fallback;
        }

        if (text.Equals("none", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return value;
        }

        Error(key, text, "must be a number of bytes, or none");
        return fallback;
    }

    public bool? Flag(string key)
    {
        var text = Text(key);
        if (text is null)
        {
            return null;
        }

        if (bool.TryParse(text, out var value))
        {
            return value;
        }

        Error(key, text, "must be true or false");
        return null;
    }

    public TEnum? Choice<TEnum>(string key)
        where TEnum : struct, Enum
    {
        var text = Text(key);
        if (text is null)
        {
            return null;
        }

        // By name, one of them: parsing would also take numbers, and several names for their sum, which may be another one.
        if (Enum.GetNames<TEnum>().FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } found)
        {
            return Enum.Parse<TEnum>(found);
        }

        Error(key, text, $"must be one of {string.Join(", ", Enum.GetNames<TEnum>())}");
        return null;
    }

    /// <summary>Reads a duration: <c>hh:mm:ss</c>, or a number with a unit (<c>500ms</c>, <c>60s</c>, <c>5m</c>, <c>1h</c>).</summary>
    public TimeSpan Duration(string key, TimeSpan fallback, TimeSpan min, TimeSpan max)
    {
        var text = Text(key);
        if (text is null)
        {
            return fallback;
        }

        if (TryDuration(text, out var value) && value >= min && value <= max)
        {
            return value;
        }

        Error(key, text, $"must be a duration from {Format(min)} to {Format(max)}, such as 500ms, 60s, 5m or 00:01:00");
        return fallback;
    }

    /// <summary>As <see cref="Duration"/>, and <c>none</c> gives null.</summary>
    public TimeSpan? DurationOrNone(string key, TimeSpan? fallback, TimeSpan min, TimeSpan max)
    {
        if (string.Equals(Text(key), "none", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        return Text(key) is null ? fallback : Duration(key, fallback ?? min, min, max);
    }

    /// <summary>Reads a list: numbered children (<c>Key:0</c>), or one text with commas between.</summary>
    public IReadOnlyList<string>? List(string key)
    {
        var joined = Text(key);
        var values = new List<string>();
        foreach (var child in configuration.GetSection(key).GetChildren())
        {
            _known.Add(child.Path);
            if (!string.IsNullOrWhiteSpace(child.Value))
            {
                values.Add(child.Value.Trim());
            }
        }

        if (joined is not null)
        {
            values.AddRange(joined.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        }

        return values.Count == 0 && joined is null ? null : values;
    }

    /// <summary>The keys of a section's children, in their order: for lists of objects.</summary>
    public IReadOnlyList<string> Children(string key) => [.. configuration.GetSection(key).GetChildren().Select(c => c.Path)];

    /// <summary>Keys that are set below the named sections and that nobody asked for.</summary>
    public IReadOnlyList<string> UnknownKeys(params ReadOnlySpan<string> sections)
    {
        var unknown = new List<string>();
        foreach (var section in sections)
        {
            Collect(configuration.GetSection(section), unknown);
        }

        return unknown;
    }

    private static bool TryDuration(string text, out TimeSpan value)
    {
        value = default;
        var digits = text.AsSpan().TrimEnd("hms");
        var unit = text.AsSpan(digits.Length) switch
        {
            "ms" => TimeSpan.FromMilliseconds(1),
            "s" => TimeSpan.FromSeconds(1),
            "m" => TimeSpan.FromMinutes(1),
            "h" => TimeSpan.FromHours(1),
            _ => TimeSpan.Zero,
        };
        if (unit == TimeSpan.Zero)
        {
            return text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out value);
        }

        if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            || number * unit.TotalSeconds > TimeSpan.MaxValue.TotalSeconds / 2)
        {
            return false;
        }

        value = number * unit;
        return true;
    }

    private static string Format(TimeSpan value) => value switch
    {
        { TotalSeconds: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{value.TotalMilliseconds}ms"),
        { TotalHours: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{value.TotalHours}h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{value.TotalSeconds}s"),
    };

    private static string Show(string? value) => value is null ? "(not set)" : $"\"{value}\"";

    private void Collect(IConfigurationSection section, List<string> unknown)
    {
        if (section.Value is not null && !_known.Contains(section.Path))
        {
            unknown.Add(section.Path);
        }

        foreach (var child in section.GetChildren())
        {
            Collect(child, unknown);
        }
    }
}
