using System.Text.Encodings.Web;
using System.Text.Json;

namespace NoslateFleet.Gateway.Admin;

/// <summary>How the admin port writes texts.</summary>
internal static class AdminText
{
    /// <summary>
    /// Only what JSON itself wants escaped is: people read the answers as they come and search them for names, Chinese ones too. Nothing may take them for
    /// a page: they are <c>application/json</c>, with <c>nosniff</c>.
    /// </summary>
    public static JavaScriptEncoder Encoder => JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    /// <summary>The same options, with texts written so.</summary>
    public static JsonSerializerOptions Plain(this JsonSerializerOptions options) => new(options) { Encoder = Encoder };
}
