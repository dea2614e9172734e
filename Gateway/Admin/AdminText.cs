using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace NoslateFleet.Gateway.Admin;

/// <summary>How the admin port writes texts.</summary>
internal static class AdminText
{
    private static readonly ConditionalWeakTable<JsonSerializerOptions, JsonSerializerOptions> _plain = [];

    /// <summary>
    /// The same type, of whose texts only what JSON itself wants escaped is: people read the answers as they come and search them for names, Chinese ones too.
    /// Nothing may take them for a page: they are <c>application/json</c>, with <c>nosniff</c>.
    /// </summary>
    public static JsonTypeInfo<T> Plain<T>(JsonTypeInfo<T> type) =>
        (JsonTypeInfo<T>)_plain.GetValue(type.Options, static options => new(options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })
            .GetTypeInfo(typeof(T));
}
