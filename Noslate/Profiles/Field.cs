using System.Globalization;
using System.Text.Json;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>The kinds of fields. A check returns what is expected instead, or null when the value is right.</summary>
internal static class Field
{
    internal const int LongestText = 4096;

    internal static FieldRule<T> Text<T>(string name, string expected, Func<string, bool> right, Action<T, string> set, bool required = false) =>
        new(name, expected, required, (at, value, target) =>
        {
            if (JsonText.TryGet(value, out var text) && right(text))
                set(target, text);
            else
                at.Wrong(value, expected);
        });

    internal static FieldRule<T> Choice<T>(string name, string[] choices, Action<T, string> set, bool required = false) =>
        Text(name, OneOf(choices), text => choices.Contains(text, StringComparer.Ordinal), set, required);

    internal static FieldRule<T> Integer<T>(string name, int least, Action<T, int> set)
    {
        var expected = string.Create(CultureInfo.InvariantCulture, $"a whole number from {least} to {int.MaxValue}");
        return new(name, expected, false, (at, value, target) =>
        {
            if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)
                && number >= least && number <= int.MaxValue && Math.Floor(number) == number)
                set(target, (int)number);
            else
                at.Wrong(value, WithoutQuotes(value, expected));
        });
    }

    internal static FieldRule<T> Number<T>(string name, string expected, Func<float, bool> right, Action<T, float> set) =>
        new(name, expected, false, (at, value, target) =>
        {
            if (TryFloat(value, out var number) && right(number))
                set(target, number);
            else
                at.Wrong(value, WithoutQuotes(value, expected));
        });

    internal static FieldRule<T> Flag<T>(string name, Action<T, bool> set) =>
        new(name, "true or false", false, (at, value, target) =>
        {
            if (value.ValueKind is JsonValueKind.True or JsonValueKind.False)
                set(target, value.GetBoolean());
            else
                at.Wrong(value, WithoutQuotes(value, "true or false"));
        });

    internal static FieldRule<T> TextList<T>(string name, Action<T, string> add) =>
        new(name, "a list of texts", false, (at, value, target) =>
        {
            if (value.ValueKind != JsonValueKind.Array)
            {
                at.Wrong(value, "a list of texts [\"...\"]");
                return;
            }

            var index = 0;
            foreach (var item in value.EnumerateArray())
            {
                if (JsonText.TryGet(item, out var text) && IsPlain(text))
                    add(target, text);
                else
                    at.At(index).Wrong(item, "text without control characters");
                index++;
            }
        });

    internal static FieldRule<T> Group<T, TGroup>(string name, FieldTable<TGroup> table, Action<T, TGroup> set)
        where TGroup : class, new() =>
        new(name, "an object", false, (at, value, target) =>
        {
            var group = new TGroup();
            table.Read(at, value, group);
            set(target, group);
        });

    /// <summary>The node keeps these numbers as 32-bit floats: what does not fit there is not a number it can take.</summary>
    internal static bool TryFloat(JsonElement value, out float number)
    {
        number = 0;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out var wide))
            return false;

        number = (float)wide;
        return float.IsFinite(number);
    }

    /// <summary>Not empty, not endless, no control characters.</summary>
    internal static bool IsPlain(string text) => text.Length is > 0 and <= LongestText && !text.Any(char.IsControl);

    internal static string OneOf(string[] choices) => string.Join(" or ", choices.Select(choice => $"\"{choice}\""));

    private static string WithoutQuotes(JsonElement value, string expected) =>
        value.ValueKind == JsonValueKind.String ? $"{expected}, without quotes" : expected;
}
