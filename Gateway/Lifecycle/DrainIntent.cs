using System.Text.Json.Serialization;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>The wish that this container leaves, as it outlives a crash of the process.</summary>
/// <param name="Schema">The file's version: 1.</param>
/// <param name="ContainerLife">The container whose wish it is.</param>
/// <param name="Cause">What began the drain: hook, signal, order.</param>
/// <param name="WrittenAt">When it was written, by the wall clock.</param>
/// <param name="ExpiresAt">When it ends by itself, by the wall clock.</param>
internal sealed record DrainIntent(int Schema, string ContainerLife, string Cause, DateTimeOffset WrittenAt, DateTimeOffset ExpiresAt)
{
    public const int CurrentSchema = 1;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(DrainIntent))]
internal sealed partial class DrainIntentJson : JsonSerializerContext;
