using System.Text.Json;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>One field of an object: its name, whether it must be there, and how it is read.</summary>
/// <param name="Name">The field's name; case matters.</param>
/// <param name="Expected">What it must be, after "must be".</param>
/// <param name="Required">Whether it must be there.</param>
/// <param name="Read">Checks the value and puts it into the target, or tells what is wrong.</param>
internal sealed record FieldRule<T>(string Name, string Expected, bool Required, Action<Reading, JsonElement, T> Read);

/// <summary>All fields that an object may have. Anything else in it is a mistake.</summary>
internal sealed class FieldTable<T>(params FieldRule<T>[] rules)
{
    private readonly Dictionary<string, FieldRule<T>> byName = rules.ToDictionary(rule => rule.Name, StringComparer.Ordinal);

    /// <summary>The fields' names.</summary>
    internal IEnumerable<string> Names => byName.Keys;

    /// <summary>Reads an object into <paramref name="target"/>.</summary>
    /// <returns>The names of the known fields that were there, right or wrong.</returns>
    internal HashSet<string> Read(Reading at, JsonElement value, T target)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        if (value.ValueKind != JsonValueKind.Object)
        {
            at.Wrong(value, "an object { ... }");
            return seen;
        }

        foreach (var (name, field) in JsonFields.Of(at, value))
        {
            if (!byName.TryGetValue(name, out var rule))
            {
                at.At(JsonText.Cut(name)).Say($"is not known here; {Suggestion.For(name, byName.Keys)}");
                continue;
            }

            seen.Add(name);
            rule.Read(at.At(name), field, target);
        }

        foreach (var rule in rules)
        {
            if (rule.Required && !seen.Contains(rule.Name))
                at.At(rule.Name).Say($"is missing, must be {rule.Expected}");
        }

        return seen;
    }
}

/// <summary>The fields of a JSON object, each name once.</summary>
internal static class JsonFields
{
    internal static IEnumerable<(string Name, JsonElement Value)> Of(Reading at, JsonElement value)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var property in value.EnumerateObject())
        {
            if (!JsonText.TryGetName(property, out var name))
                at.Say("has a field whose name holds half of a surrogate pair");
            else if (!names.Add(name))
                at.At(JsonText.Cut(name)).Say("is given more than once, must be given once");
            else
                yield return (name, property.Value);
        }
    }
}
