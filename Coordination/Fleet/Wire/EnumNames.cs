using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NoslateFleet.Coordination.Fleet.Wire;

/// <summary>An enum by its names. A name that a newer version made up reads as null: what is not known must not make the rest unreadable.</summary>
/// <typeparam name="T">The enum.</typeparam>
internal class EnumNames<T> : JsonConverter<T?>
    where T : struct, Enum
{
    private static readonly (T Value, byte[] Utf8)[] _names =
        [.. Enum.GetValues<T>().Select(static value => (value, Encoding.UTF8.GetBytes(value.ToString())))];

    public override T? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
            return null;
        }

        foreach (var (value, utf8) in _names)
        {
            if (reader.ValueTextEquals(utf8))
            {
                return value;
            }
        }

        return null;
    }

    public override void Write(Utf8JsonWriter writer, T? value, JsonSerializerOptions options)
    {
        foreach (var (known, utf8) in _names)
        {
            if (value is { } present && EqualityComparer<T>.Default.Equals(known, present))
            {
                writer.WriteStringValue(utf8);
                return;
            }
        }

        writer.WriteNullValue();
    }
}
