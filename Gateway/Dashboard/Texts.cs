using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>The dashboard's texts in one language. A key without a text is shown as itself.</summary>
internal sealed class Texts
{
    private static readonly Texts[] _all = [Load("en"), Load("zh")];

    private readonly FrozenDictionary<string, string> _texts;

    private Texts(string language, FrozenDictionary<string, string> texts)
    {
        Language = language;
        _texts = texts;
    }

    /// <summary>The languages there are; the first is spoken to who asks for none of them.</summary>
    public static IReadOnlyList<Texts> All => _all;

    /// <summary>The language, as <c>en</c>.</summary>
    public string Language { get; }

    /// <summary>The language for a document.</summary>
    public string Tag => Language == "zh" ? "zh-CN" : Language;

    public IEnumerable<string> Keys => _texts.Keys;

    public string this[string key] => _texts.GetValueOrDefault(key, key);

    /// <summary>A text with values in it.</summary>
    /// <param name="key">The key.</param>
    /// <param name="values">What its places are filled with.</param>
    public string Format(string key, params object?[] values) => string.Format(CultureInfo.InvariantCulture, this[key], values);

    /// <summary>A value of an enumeration in words.</summary>
    /// <param name="value">The value.</param>
    public string Of<TEnum>(TEnum value)
        where TEnum : struct, Enum => this[$"{typeof(TEnum).Name}.{value}"];

    /// <summary>A length of time in one unit: an age.</summary>
    /// <param name="age">The time.</param>
    public string Age(TimeSpan age) => age switch
    {
        { TotalSeconds: < 60 } => Format("age.seconds", (int)age.TotalSeconds),
        { TotalMinutes: < 60 } => Format("age.minutes", (int)age.TotalMinutes),
        { TotalHours: < 48 } => Format("age.hours", (int)age.TotalHours),
        _ => Format("age.days", (int)age.TotalDays),
    };

    /// <summary>A duration.</summary>
    /// <param name="duration">The time; null for a dash.</param>
    public string Duration(TimeSpan? duration) => duration switch
    {
        null => "–",
        { TotalMilliseconds: < 10 } few => Format("duration.ms", few.TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture)),
        { TotalSeconds: < 1 } some => Format("duration.ms", some.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture)),
        { TotalSeconds: < 60 } more => Format("duration.s", more.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)),
        { } long_ => Age(long_),
    };

    /// <summary>A rate.</summary>
    /// <param name="rate">Of invocations a second; null for a dash.</param>
    public static string Rate(double? rate) => rate switch
    {
        null => "–",
        0 => "0",
        < 0.01 => "<0.01",
        < 10 => rate.Value.ToString("0.##", CultureInfo.InvariantCulture),
        < 100 => rate.Value.ToString("0.#", CultureInfo.InvariantCulture),
        _ => rate.Value.ToString("N0", CultureInfo.InvariantCulture),
    };

    /// <summary>A whole number.</summary>
    /// <param name="number">The number.</param>
    public static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A moment.</summary>
    /// <param name="moment">The moment.</param>
    public static string Moment(DateTimeOffset moment) => moment.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " UTC";

    /// <summary>A part in hundred.</summary>
    /// <param name="part">The part.</param>
    /// <param name="whole">The whole; 0 gives a dash.</param>
    public static string Percent(long part, long whole) =>
        whole <= 0 ? "–" : (100.0 * part / whole).ToString(part < whole && part * 1000 >= whole * 995 ? "0.00" : "0.#", CultureInfo.InvariantCulture) + " %";

    /// <summary>The language that a browser would rather have.</summary>
    /// <param name="request">Its request.</param>
    public static Texts For(HttpRequest request)
    {
        if (StringWithQualityHeaderValue.TryParseList(request.Headers.AcceptLanguage, out var accepted))
        {
            foreach (var value in accepted.OrderByDescending(static value => value.Quality ?? 1))
            {
                var name = value.Value.ToString();
                if (value.Quality != 0
                    && Array.Find(_all, texts => name.Equals(texts.Language, StringComparison.OrdinalIgnoreCase)
                        || name.StartsWith(texts.Language + "-", StringComparison.OrdinalIgnoreCase)) is { } texts)
                {
                    return texts;
                }
            }
        }

        return _all[0];
    }

    private static Texts Load(string language)
    {
        using var stream = typeof(Texts).Assembly.GetManifestResourceStream($"dashboard/texts/{language}.json")!;
        return new Texts(language, JsonSerializer.Deserialize(stream, DashboardJson.Default.DictionaryStringString)!.ToFrozenDictionary(StringComparer.Ordinal));
    }
}
