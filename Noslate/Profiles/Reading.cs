using System.Text.Json;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>Where in the file the reader is, and where mistakes go.</summary>
/// <param name="Errors">The mistakes so far.</param>
/// <param name="BaseDirectory">What relative code urls are relative to.</param>
/// <param name="Subject">Whose field is read: a function, a service; empty for the file itself.</param>
/// <param name="Path">The field, with dots.</param>
internal readonly record struct Reading(ErrorList Errors, string BaseDirectory, string Subject, string Path)
{
    internal Reading Of(string subject) => this with { Subject = subject, Path = "" };

    internal Reading At(string field) => this with { Path = Path.Length == 0 ? field : $"{Path}.{field}" };

    internal Reading At(int index) => this with { Path = $"{Path}[{index}]" };

    internal void Wrong(JsonElement value, string expected) => Say($"is {JsonText.Show(value)}, must be {expected}");

    internal void Wrong(string value, string expected) => Say($"is {JsonText.Show(value)}, must be {expected}");

    internal void Say(string problem)
    {
        var field = Path.Length == 0 ? problem : $"{Path} {problem}";
        Errors.Add(Subject.Length == 0 ? field : $"{Subject}: {field}");
    }
}
