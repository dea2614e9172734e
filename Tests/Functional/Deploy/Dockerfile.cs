using System.Text.RegularExpressions;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.Deploy;

/// <summary>deploy/Dockerfile, an instruction at a time.</summary>
internal sealed partial class Dockerfile
{
    private readonly List<(string Name, string Arguments)> _instructions = [];

    private Dockerfile(string text)
    {
        foreach (var line in Continued().Replace(Comment().Replace(text, ""), " ").Split('\n').Where(l => l.Length > 0))
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            _instructions.Add((line[..space], line[(space + 1)..].Trim()));
        }
    }

    /// <summary>What the last stage sets in the environment.</summary>
    public IReadOnlyDictionary<string, string> Environment =>
        LastStage("ENV").SelectMany(e => e.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(e => e.Split('=', 2)).ToDictionary(e => e[0], e => e[1].Trim('"'));

    public static Dockerfile Read() => new(File.ReadAllText(Repository.PathOf("deploy", "Dockerfile")));

    /// <summary>The arguments of all instructions of one name.</summary>
    public IEnumerable<string> All(string name) => _instructions.Where(i => i.Name == name).Select(i => i.Arguments);

    /// <summary>The same, of the stage that becomes the image.</summary>
    public IEnumerable<string> LastStage(string name) => _instructions.Skip(_instructions.FindLastIndex(i => i.Name == "FROM")).Where(i => i.Name == name).Select(i => i.Arguments);

    [GeneratedRegex(@"^#.*\n", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\s*\\\n\s*")]
    private static partial Regex Continued();
}
