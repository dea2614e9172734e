using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Data;
using KeyValuePair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>Writes a set in the functions file's format, leaving out what is not set.</summary>
internal static class ProfileWriter
{
    // Relaxed: the file is read by people and by our own parser, never put into a page.
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static string Write(ProfileSet profiles)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Options))
        {
            json.WriteStartObject();
            json.WriteStartArray("functions");
            foreach (var function in profiles.Functions)
                Write(json, function);
            json.WriteEndArray();
            json.WriteStartArray("services");
            foreach (var service in profiles.Services)
                Write(json, service);
            json.WriteEndArray();
            Pairs(json, "platformEnvironment", profiles.PlatformEnvironment);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void Write(Utf8JsonWriter json, FunctionProfile function)
    {
        json.WriteStartObject();
        Text(json, "name", function.Name);
        Text(json, "runtime", function.Runtime);
        Text(json, "url", CodeUrl.Write(function.Url));
        Text(json, "signature", function.Signature);
        Text(json, "handler", function.Handler);
        Text(json, "initializer", function.Initializer);
        Text(json, "sourceFile", function.SourceFile);
        Text(json, "namespace", function.Namespace);
        if (function.ResourceLimit is not null)
            Group(json, "resourceLimit", function.ResourceLimit);
        if (function.Worker is not null)
            Group(json, "worker", function.Worker);
        if (function.RateLimit is not null)
            Group(json, "rateLimit", function.RateLimit);
        if (function.Environments.Count > 0)
            Pairs(json, "environments", function.Environments);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, FunctionService service)
    {
        json.WriteStartObject();
        Text(json, "name", service.Name);
        Text(json, "type", service.Type);
        if (service.Selector.Count > 0)
            Pairs(json, "selector", service.Selector);
        if (service.Selectors.Count > 0)
        {
            json.WriteStartArray("selectors");
            foreach (var share in service.Selectors)
            {
                json.WriteStartObject();
                Pairs(json, "selector", share.Selector_);
                json.WriteNumber("proportion", share.Proportion);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    // The groups' field names in the file are those of the messages, so their descriptors can drive the writing.
    private static void Group(Utf8JsonWriter json, string name, Google.Protobuf.IMessage message)
    {
        json.WriteStartObject(name);
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            var value = field.Accessor.GetValue(message);
            if (field.IsRepeated)
            {
                var items = (IReadOnlyList<string>)value;
                if (items.Count == 0)
                    continue;
                json.WriteStartArray(field.Name);
                foreach (var item in items)
                    json.WriteStringValue(item);
                json.WriteEndArray();
            }
            else if (field.Accessor.HasValue(message))
            {
                json.WritePropertyName(field.Name);
                Value(json, value);
            }
        }

        json.WriteEndObject();
    }

    private static void Value(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case float number:
                json.WriteNumberValue(number);
                break;
            default:
                json.WriteStringValue((string)value);
                break;
        }
    }

    private static void Pairs(Utf8JsonWriter json, string name, IEnumerable<KeyValuePair> pairs)
    {
        json.WriteStartObject(name);
        foreach (var pair in pairs)
            json.WriteString(pair.Key, pair.Value);
        json.WriteEndObject();
    }

    private static void Text(Utf8JsonWriter json, string name, string value)
    {
        if (value.Length > 0)
            json.WriteString(name, value);
    }
}
