using System.Globalization;

namespace NoslateFleet.Tests.Functional.Supervision;

/// <summary>Processes as /proc shows them.</summary>
internal sealed record ProcessView(int Id, int Parent, int Session, char State)
{
    public bool Living => State is not ('Z' or 'X');

    /// <summary>One process; null when there is none of that id.</summary>
    public static ProcessView? Of(int id)
    {
        try
        {
            // pid (name) state parent group session ...; a name may hold anything, a bracket too.
            var stat = File.ReadAllText($"/proc/{id}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return new ProcessView(id, Number(fields[1]), Number(fields[3]), fields[0][0]);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public static bool Lives(int id) => Of(id) is { Living: true };

    public static IReadOnlyList<ProcessView> ChildrenOf(int id) =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(name => char.IsAsciiDigit(name![0]))
            .Select(name => Of(Number(name!))).OfType<ProcessView>().Where(process => process.Parent == id),
    ];

    /// <summary>All that a process has started, directly or not.</summary>
    public static IReadOnlyList<ProcessView> DescendantsOf(int id) => [.. ChildrenOf(id).SelectMany(child => DescendantsOf(child.Id).Prepend(child))];

    public static IReadOnlyDictionary<string, string> EnvironmentOf(int id) =>
        File.ReadAllText($"/proc/{id}/environ").Split('\0', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
