using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>Takes text out of JSON, and shows values in messages: short, on one line, without control characters.</summary>
internal static class JsonText
{
    private const int Longest = 80;

    internal static bool TryGet(JsonElement value, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (value.ValueKind != JsonValueKind.String)
            return false;

        try
        {
            text = value.GetString();
        }
        catch (InvalidOperationException)
        {
            // An escaped half of a surrogate pair: well-formed JSON, yet no text.
        }

        return text is not null;
    }

    internal static bool TryGetName(JsonProperty property, [NotNullWhen(true)] out string? name)
    {
        try
        {
            name = property.Name;
            return true;
        }
        catch (InvalidOperationException)
        {
            name = null;
            return false;
        }
    }

    internal static string Show(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => TryGet(value, out var text) ? Show(text) : "text with half of a surrogate pair",
        JsonValueKind.Number => Cut(value.GetRawText()),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        JsonValueKind.Null => "null",
        JsonValueKind.Array => "a list",
        _ => "an object",
    };

    internal static string Show(string text) => $"\"{Cut(text)}\"";

    /// <summary>Makes a foreign text fit for one line of a message.</summary>
    internal static string Cut(string text, int longest = Longest)
    {
        var shown = new StringBuilder(Math.Min(text.Length, longest) + 3);
        foreach (var c in text.AsSpan(0, Math.Min(text.Length, longest)))
        {
            if (char.IsControl(c) || char.IsSurrogate(c) || IsInvisible(char.GetUnicodeCategory(c)))
                shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                shown.Append(c);
        }

        return text.Length > longest ? shown.Append("...").ToString() : shown.ToString();
    }

    private static bool IsInvisible(UnicodeCategory category) =>
        category is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
