using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Data;
using KeyValuePair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>
/// Reads and writes the functions file: a JSON object with <c>functions</c>, <c>services</c> and <c>platformEnvironment</c>, or
/// only the list of function profiles, as Noslate's own client takes it.
/// </summary>
public static class ProfileParser
{
    /// <summary>The largest file, in bytes: 4 MiB. The control plane takes messages up to 10 MiB.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    private static readonly JsonDocumentOptions Options = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    private static readonly FieldTable<Draft> Top = new(
        new FieldRule<Draft>("functions", "a list of function profiles", Required: false, ReadFunctions),
        new FieldRule<Draft>("services", "a list of service profiles", Required: false, (_, value, to) => to.ServicesToRead = value),
        new FieldRule<Draft>(
            "platformEnvironment",
            EnvironmentRules.Expected,
            Required: false,
            (at, value, to) => to.PlatformEnvironment.AddRange(EnvironmentRules.ReadPlatform(at, value))));

    /// <summary>Reads a functions file.</summary>
    /// <param name="utf8Json">The file's content.</param>
    /// <param name="baseDirectory">What relative <c>file:</c> urls are relative to: the file's own directory.</param>
    /// <returns>The validated set, with absolute urls.</returns>
    /// <exception cref="ProfileValidationException">Something is wrong; all of it is told at once.</exception>
    public static ProfileSet Parse(ReadOnlyMemory<byte> utf8Json, string baseDirectory)
    {
        ArgumentException.ThrowIfNullOrEmpty(baseDirectory);
        using var document = ParseJson(WithoutByteOrderMark(utf8Json));
        var errors = new ErrorList();
        var at = new Reading(errors, Path.GetFullPath(baseDirectory), "", "");
        var draft = new Draft();
        var root = document.RootElement;
        if (root.ValueKind == JsonValueKind.Array)
            ReadFunctions(at.At("functions"), root, draft);
        else if (root.ValueKind == JsonValueKind.Object)
            Top.Read(at, root, draft);
        else
            at.Say($"The file is {JsonText.Show(root)}, must be an object with functions, services and platformEnvironment, or a list of function profiles");

        // Last, because a service may stand before the functions it names.
        if (draft.ServicesToRead is { } services)
            ReadServices(at.At("services"), services, draft);

        errors.ThrowIfAny();
        return new ProfileSet(
            ProfileVersion.Of(draft.Functions, draft.Services, draft.PlatformEnvironment),
            draft.Functions,
            draft.Services,
            draft.PlatformEnvironment);
    }

    /// <summary>Writes a set as a functions file: <see cref="Parse"/> gives the same set again.</summary>
    /// <param name="profiles">The set.</param>
    /// <returns>Indented JSON. It holds the values of environment variables, which may be secrets.</returns>
    public static string ToJson(ProfileSet profiles) => ProfileWriter.Write(profiles);

    private static ReadOnlyMemory<byte> WithoutByteOrderMark(ReadOnlyMemory<byte> utf8) =>
        utf8.Span.StartsWith("\uFEFF"u8) ? utf8[3..] : utf8;

    private static JsonDocument ParseJson(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.Length > MaxBytes)
            throw Refuse(string.Create(CultureInfo.InvariantCulture, $"The file has {utf8.Length} bytes, must have at most {MaxBytes} (4 MiB)"));
        if (utf8.Span.Trim(" \t\r\n"u8).IsEmpty)
            throw Refuse("The file is empty, must hold JSON; {} means no functions");
        if (!Utf8.IsValid(utf8.Span))
            throw Refuse("The file is not valid UTF-8, must be JSON in UTF-8");

        try
        {
            return JsonDocument.Parse(utf8, Options);
        }
        catch (JsonException exception)
        {
            var line = (exception.LineNumber ?? 0) + 1;
            var column = (exception.BytePositionInLine ?? 0) + 1;
            var end = exception.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
            var reason = JsonText.Cut(end < 0 ? exception.Message : exception.Message[..end], 200);
            throw Refuse(string.Create(CultureInfo.InvariantCulture, $"The file is not valid JSON at line {line}, byte {column}: {reason}"));
        }
    }

    private static ProfileValidationException Refuse(string error) => new([error]);

    private static void ReadFunctions(Reading at, JsonElement value, Draft to)
    {
        var first = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (index, subject, item) in Items(at, value, "a list of function profiles"))
        {
            var function = FunctionRules.Read(at.Of(subject), item);
            to.Functions.Add(function);
            if (function.Name.Length > 0 && !first.TryAdd(function.Name, index))
                at.Of(subject).At("name").Wrong(function.Name, string.Create(CultureInfo.InvariantCulture, $"unique: functions[{first[function.Name]}] has it too"));
        }
    }

    private static void ReadServices(Reading at, JsonElement value, Draft to)
    {
        var functions = to.Functions.Select(function => function.Name).Where(name => name.Length > 0).ToHashSet(StringComparer.Ordinal);
        var first = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (index, subject, item) in Items(at, value, "a list of service profiles"))
        {
            var service = ServiceRules.Read(at.Of(subject), item, functions);
            to.Services.Add(service);
            if (service.Name.Length > 0 && !first.TryAdd(service.Name, index))
                at.Of(subject).At("name").Wrong(service.Name, string.Create(CultureInfo.InvariantCulture, $"unique: services[{first[service.Name]}] has it too"));
        }
    }

    private static IEnumerable<(int Index, string Subject, JsonElement Item)> Items(Reading at, JsonElement value, string expected)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            at.Wrong(value, expected);
            yield break;
        }

        var index = 0;
        foreach (var item in value.EnumerateArray())
        {
            var subject = string.Create(CultureInfo.InvariantCulture, $"{at.Path}[{index}]");
            if (item.ValueKind == JsonValueKind.Object && item.TryGetProperty("name"u8, out var name) && JsonText.TryGet(name, out var text))
                subject = $"{subject} {JsonText.Show(text)}";
            yield return (index++, subject, item);
        }
    }

    private sealed class Draft
    {
        internal List<FunctionProfile> Functions { get; } = [];

        internal List<FunctionService> Services { get; } = [];

        internal List<KeyValuePair> PlatformEnvironment { get; } = [];

        internal JsonElement? ServicesToRead { get; set; }
    }
}
