using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace NoslateFleet.Coordination.Fleet.Wire;

[JsonSerializable(typeof(SnapshotMessage))]
[JsonSerializable(typeof(OrderMessage))]
[JsonSerializable(typeof(OrderResultMessage))]
[JsonSerializable(typeof(ProfileMessage))]
[JsonSerializable(typeof(RecordMessage))]
internal sealed partial class WireJson : JsonSerializerContext
{
    /// <summary>Quotes within texts as \" and letters as they are: what is stored never becomes part of a page as it stands.</summary>
    public static WireJson Compact { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    private static readonly long _firstMs = DateTimeOffset.MinValue.ToUnixTimeMilliseconds();
    private static readonly long _lastMs = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();
    private static readonly long _longestMs = (long)TimeSpan.MaxValue.TotalMilliseconds - 1;

    public static T? Parse<T>(ReadOnlySpan<byte> utf8, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return utf8.Length > SnapshotBounds.MaxBytes ? null : JsonSerializer.Deserialize(utf8, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static DateTimeOffset Time(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(ms, _firstMs, _lastMs));

    public static TimeSpan Span(long ms) => TimeSpan.FromMilliseconds(Math.Clamp(ms, 0, _longestMs));

    /// <summary>What to say of a message that lacks what it must have: of our own schema it is damaged, of another one not to be read by us.</summary>
    public static FleetReading Lacking(int? schema) =>
        schema is { } number && number > 0 && number != InstanceSnapshot.CurrentSchema ? FleetReading.UnknownSchema : FleetReading.Damaged;
}
