using System.Globalization;

namespace NoslateFleet.Bench.Compare;

/// <summary>How long and how much the comparison measures.</summary>
/// <param name="Cells">The loads.</param>
/// <param name="Rounds">Runs of each, in turn; the median counts.</param>
/// <param name="Run">Length of a run.</param>
/// <param name="WarmUp">Saturating load before the first, for each contender.</param>
/// <param name="Starts">Starts of the published gateway; the median counts.</param>
/// <param name="EveryFloor">Whether the floors are measured under every load, or only where a target needs them.</param>
/// <param name="ReferenceDirectory">Where server.js lies, its packages installed; null leaves the reference out.</param>
/// <param name="Published">The gateway as published; null leaves start and memory out.</param>
internal sealed record CompareOptions(
    IReadOnlyList<Cell> Cells, int Rounds, TimeSpan Run, TimeSpan WarmUp, int Starts, bool EveryFloor, string? ReferenceDirectory, string? Published)
{
    public const string HelpText = """
        Usage: Bench/compare [--short] [--no-build] [--no-reference] [--only CELL]... [--rounds N] [--seconds S] [--warm-up S]

        Puts the same echo load on this gateway, on a Node.js gateway and on two floors, in turn, and prints what each costs.

          --short          only the loads that have a target, in two minutes; without it all of them, in eight
          --no-build       use what an earlier run has built, published and installed
          --no-reference   leave the Node.js gateway out
          --only CELL      only this load, as KB:CONCURRENCY, such as 1:32; may be repeated
          --rounds N       runs of each load, of which the median counts
          --seconds S      length of a run
          --warm-up S      saturating load before, for each contender (12; less measures the just-in-time compiler)

        Exit codes: 0 measured, whatever is met; 1 it could not be measured; 2 wrong options.
        """;

    private static readonly Cell[] _withTarget = [new(1024, 1), new(1024, 8), new(1024, 32), new(64 * 1024, 8)];

    private static readonly Cell[] _all =
        [.. new[] { 1024, 64 * 1024 }.SelectMany(size => new[] { 1, 8, 32, 128 }.Select(concurrency => new Cell(size, concurrency)))];

    /// <returns>The options, or what is wrong with them.</returns>
    public static (CompareOptions? Options, string? Error) Parse(IReadOnlyList<string> args)
    {
        var options = new CompareOptions(_all, 3, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(12), 5, EveryFloor: true, null, null);
        if (args.Contains("--short"))
        {
            options = options with { Cells = _withTarget, Run = TimeSpan.FromSeconds(1.2), Starts = 3, EveryFloor = false };
        }

        var only = new List<Cell>();
        for (var i = 0; i < args.Count; i++)
        {
            if (args[i] == "--short")
            {
                continue;
            }

            var (name, value) = (args[i], i + 1 < args.Count ? args[++i] : "");
            var number = double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var parsed) && parsed > 0 ? parsed : 0;
            switch (name)
            {
                case "--reference" when value.Length > 0:
                    options = options with { ReferenceDirectory = value };
                    break;
                case "--published" when value.Length > 0:
                    options = options with { Published = value };
                    break;
                case "--rounds" when number is >= 1 and <= 100:
                    options = options with { Rounds = (int)number };
                    break;
                case "--seconds" when number is > 0 and <= 600:
                    options = options with { Run = TimeSpan.FromSeconds(number) };
                    break;
                case "--warm-up" when number is > 0 and <= 600:
                    options = options with { WarmUp = TimeSpan.FromSeconds(number) };
                    break;
                case "--only" when _all.FirstOrDefault(cell => value == $"{cell.Size / 1024}:{cell.Concurrency}") is { Size: > 0 } cell:
                    only.Add(cell);
                    break;
                default:
                    return (null, $"wrong option {name} {value}".TrimEnd());
            }
        }

        return (only.Count > 0 ? options with { Cells = only } : options, null);
    }
}
