using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>The product's projects as their files tell them, without building anything.</summary>
internal static partial class Product
{
    /// <summary>Who may point at whom, in project files. Tests and Bench may point anywhere and are not listed.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Arrows = new Dictionary<string, string[]>
    {
        ["Noslate"] = [],
        ["Coordination"] = [],
        ["Gateway"] = ["Coordination", "Noslate"],
        ["Emulator"] = ["Noslate"],
        ["Grains"] = ["Coordination"],
        ["Silo"] = ["Gateway", "Grains"],
    };

    private static readonly string[] _orleansPrefixes = ["Microsoft.Orleans.", "StackExchange.Redis", "Pipelines.Sockets.Unofficial"];

    private static readonly string[] _notSource = ["bin", "obj", ".git", "artifacts", "TestResults", "node_modules"];

    /// <summary>Paths of all project files of the repository, relative, with slashes.</summary>
    public static IReadOnlyList<string> Projects { get; } = [.. Files().Where(f => f.EndsWith(".csproj", StringComparison.Ordinal))];

    public static IReadOnlyList<string> ProductProjects { get; } = [.. Projects.Where(p => !IsTestOrBench(p))];

    public static IReadOnlyList<string> Whole { get; } =
        [.. SolutionProject().Matches(File.ReadAllText(Repository.PathOf("Orleans.sln"))).Select(m => m.Groups[1].Value.Replace('\\', '/'))];

    public static IReadOnlyList<string> Standalone { get; } = ReadFilter();

    public static string NameOf(string project) => Path.GetFileNameWithoutExtension(project);

    public static bool IsTestOrBench(string project) =>
        project.StartsWith("Tests/", StringComparison.Ordinal) || project.StartsWith("Bench/", StringComparison.Ordinal);

    public static bool IsOrleansOrRedis(string package) =>
        _orleansPrefixes.Any(prefix => package.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));

    /// <summary>The projects that a project file points at, relative to the repository.</summary>
    public static IReadOnlyList<string> ReferencesOf(string project) =>
    [
        .. ItemsOf(project, "ProjectReference").Select(include =>
            Path.GetRelativePath(
                Repository.Root,
                Path.GetFullPath(Path.Combine(Repository.PathOf(project), "..", include.Replace('\\', '/')))).Replace('\\', '/')),
    ];

    /// <summary>A project and everything it points at, directly or not.</summary>
    public static IReadOnlySet<string> Closure(string project)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>([project]);
        while (open.TryPop(out var next))
        {
            if (seen.Add(next))
            {
                foreach (var reference in ReferencesOf(next))
                {
                    open.Push(reference);
                }
            }
        }

        return seen;
    }

    public static bool NeedsOrleansOrRedis(string project) =>
        Closure(project).SelectMany(p => ItemsOf(p, "PackageReference")).Any(IsOrleansOrRedis);

    /// <summary>The values of Include of one kind of item in a project file.</summary>
    public static IReadOnlyList<string> ItemsOf(string project, string item) =>
    [
        .. XDocument.Load(Repository.PathOf(project)).Descendants()
            .Where(e => e.Name.LocalName == item)
            .Select(e => (string?)e.Attribute("Include") ?? "")
            .Where(include => include.Length > 0),
    ];

    /// <summary>All files of the repository but build outputs, relative, with slashes.</summary>
    public static IEnumerable<string> Files()
    {
        var open = new Stack<string>([Repository.Root]);
        while (open.TryPop(out var directory))
        {
            foreach (var child in Directory.EnumerateDirectories(directory))
            {
                if (!_notSource.Contains(Path.GetFileName(child), StringComparer.Ordinal))
                {
                    open.Push(child);
                }
            }

            foreach (var file in Directory.EnumerateFiles(directory))
            {
                yield return Path.GetRelativePath(Repository.Root, file).Replace('\\', '/');
            }
        }
    }

    /// <summary>The compiled assembly of a product project, in the configuration that these tests were built in.</summary>
    public static string AssemblyOf(string project)
    {
        // .../Tests/Functional/bin/<configuration>/<framework>/
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.Combine(
            Repository.Root, Path.GetDirectoryName(project)!, "bin", output.Parent!.Name, output.Name, $"NoslateFleet.{NameOf(project)}.dll");
    }

    private static List<string> ReadFilter()
    {
        using var filter = JsonDocument.Parse(File.ReadAllText(Repository.PathOf("Standalone.slnf")));
        return
        [
            .. filter.RootElement.GetProperty("solution").GetProperty("projects").EnumerateArray()
                .Select(p => p.GetString()!.Replace('\\', '/')),
        ];
    }

    [GeneratedRegex("\"([^\"]+\\.csproj)\"")]
    private static partial Regex SolutionProject();
}
