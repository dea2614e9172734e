using System.Text.Json;
using Google.Protobuf.Collections;
using KeyValuePair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>
/// The rules of environment variables. No message shows a value: it may be a secret, and messages end in logs.
/// </summary>
internal static class EnvironmentRules
{
    internal const string Expected = "an object { \"KEY\": \"value\" } or a list [{ \"key\": \"KEY\", \"value\": \"value\" }]";

    private const string KeyExpected = "1 to 256 characters without =, spaces or control characters";
    private const int LongestKey = 256;
    private const int LongestValue = 131072;

    private static readonly FieldTable<KeyValuePair> Pair = new(
        Field.Text<KeyValuePair>("key", KeyExpected, IsKey, (to, value) => to.Key = value, required: true),
        new("value", "text", Required: true, ReadValue));

    internal static void Read(Reading at, JsonElement value, RepeatedField<KeyValuePair> into)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                ReadObject(at, value, into);
                break;
            case JsonValueKind.Array:
                ReadList(at, value, into);
                break;
            default:
                at.Say($"is {Kind(value)}, must be {Expected}");
                break;
        }
    }

    /// <summary>Reads the variables for every worker, which may not touch the node's own.</summary>
    internal static RepeatedField<KeyValuePair> ReadPlatform(Reading at, JsonElement value)
    {
        var pairs = new RepeatedField<KeyValuePair>();
        Read(at, value, pairs);
        foreach (var pair in pairs)
        {
            if (pair.Key.StartsWith("NOSLATE_", StringComparison.Ordinal) || pair.Key.StartsWith("NOSLATED_", StringComparison.Ordinal))
                at.At(pair.Key).Say("has a key of the node's own, must not start with NOSLATE_ or NOSLATED_");
        }

        return pairs;
    }

    private static void ReadObject(Reading at, JsonElement value, RepeatedField<KeyValuePair> into)
    {
        foreach (var (key, text) in JsonFields.Of(at, value))
        {
            var pair = new KeyValuePair();
            if (IsKey(key))
                pair.Key = key;
            else
                at.Say($"has the key {JsonText.Show(key)}, must be {KeyExpected}");

            ReadValue(at.At(JsonText.Cut(key)), text, pair);
            into.Add(pair);
        }
    }

    private static void ReadList(Reading at, JsonElement value, RepeatedField<KeyValuePair> into)
    {
        var first = new Dictionary<string, int>(StringComparer.Ordinal);
        var index = 0;
        foreach (var item in value.EnumerateArray())
        {
            var pair = new KeyValuePair();
            Pair.Read(at.At(index), item, pair);
            if (pair.Key.Length > 0 && !first.TryAdd(pair.Key, index))
                at.At(index).At("key").Wrong(pair.Key, $"unique: item {first[pair.Key]} has it too");
            into.Add(pair);
            index++;
        }
    }

    private static void ReadValue(Reading at, JsonElement value, KeyValuePair to)
    {
        if (!JsonText.TryGet(value, out var text))
            at.Say($"is {Kind(value)}, must be text{(value.ValueKind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False ? ", in quotes" : "")}");
        else if (text.Length > LongestValue || text.Contains('\0', StringComparison.Ordinal))
            at.Say("is too long or holds a NUL character, must be at most 131072 characters without NUL");
        else
            to.Value = text;
    }

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => "text that cannot be used (not shown)",
        JsonValueKind.Number => "a number (not shown)",
        JsonValueKind.True or JsonValueKind.False => "true or false (not shown)",
        JsonValueKind.Null => "null",
        JsonValueKind.Array => "a list",
        _ => "an object",
    };

    private static bool IsKey(string key) =>
        key.Length is > 0 and <= LongestKey && !key.Any(c => c == '=' || char.IsControl(c) || char.IsWhiteSpace(c));
}
