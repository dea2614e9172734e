using System.Globalization;
using NoslateFleet.Coordination.Fleet;

namespace NoslateFleet.Silo.Commands;

/// <summary><c>Silo fleet</c>: the fleet as a table, from the directory alone.</summary>
internal static class FleetCommand
{
    public const string Verb = "fleet";

    private static readonly string[] _head = ["INSTANCE", "STANDING", "PHASE", "TOPOLOGY", "EPOCH", "IN FLIGHT", "FUNCTIONS", "HEARD"];

    /// <summary>Runs the command.</summary>
    /// <param name="args">Configuration, as for the silo itself.</param>
    /// <param name="output">Where the table goes.</param>
    /// <param name="errors">Where it is told what went wrong.</param>
    /// <returns>0 when the directory was read; 1 when it was not; 2 for wrong use.</returns>
    public static Task<int> RunAsync(string[] args, TextWriter output, TextWriter errors) => Tool.RunAsync(args, Verb, errors, async tool =>
    {
        var view = await tool.Directory.ReadAllAsync(CancellationToken.None);
        foreach (var line in Table(view, new StandingOptions()))
        {
            await output.WriteLineAsync(line);
        }

        return 0;
    });

    /// <summary>The table's lines.</summary>
    /// <param name="view">What the directory has.</param>
    /// <param name="standing">After how much silence an instance is seen otherwise.</param>
    internal static IEnumerable<string> Table(DirectoryView view, StandingOptions standing)
    {
        List<string[]> rows = [_head];
        rows.AddRange(view.Entries.OrderBy(entry => entry.Snapshot.InstanceId, StringComparer.Ordinal).Select(entry => new[]
        {
            entry.Snapshot.InstanceId,
            view.StandingOf(entry, standing).ToString(),
            entry.Snapshot.Phase.ToString(),
            entry.Snapshot.Topology.ToString(),
            entry.Snapshot.Epoch.ToString(CultureInfo.InvariantCulture),
            entry.Snapshot.InFlight.ToString(CultureInfo.InvariantCulture),
            entry.Snapshot.Functions.Count.ToString(CultureInfo.InvariantCulture),
            string.Create(CultureInfo.InvariantCulture, $"{StandingRules.Age(entry.ReceivedAt, view.AsOf).TotalSeconds:0} s ago"),
        }));
        var widths = Enumerable.Range(0, _head.Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
        {
            yield return string.Join("  ", row.Select((cell, column) => Plain(cell).PadRight(widths[column]))).TrimEnd();
        }

        foreach (var id in view.Unreadable)
        {
            yield return $"{Plain(id)}  can't be read: it is damaged, or of a newer version";
        }
    }

    // What others have written must not steer the terminal.
    private static string Plain(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
}
