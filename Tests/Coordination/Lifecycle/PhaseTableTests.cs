using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

public sealed class PhaseTableTests
{
    private static readonly string[] _expected =
    [
        "Starting Initialised Ready",
        "Starting DrainBegun Draining",
        "Ready FreezeBegun Freezing",
        "Ready DrainBegun Draining",
        "Freezing FreezeReached Frozen",
        "Freezing FreezeCalledOff Ready",
        "Freezing Thawed Ready",
        "Freezing DrainBegun Draining",
        "Frozen Thawed Ready",
        "Frozen DrainBegun Draining",
        "Draining DrainEnded Stopped",
        "Draining Undrained Ready",
        "Draining UndrainedUninitialised Starting",
        "Stopped Undrained Ready",
        "Stopped UndrainedUninitialised Starting",
    ];

    public static TheoryData<InstancePhase, PhaseCause> AllPairs
    {
        get
        {
            var pairs = new TheoryData<InstancePhase, PhaseCause>();
            foreach (var phase in Enum.GetValues<InstancePhase>())
            {
                foreach (var cause in Enum.GetValues<PhaseCause>())
                {
                    pairs.Add(phase, cause);
                }
            }

            return pairs;
        }
    }

    [Fact]
    public void Rows_AreTheOnesOfTheDesign() => Assert.Equal(_expected, PhaseTable.Rows.Select(row => $"{row.From} {row.Cause} {row.To}"));

    [Theory]
    [MemberData(nameof(AllPairs))]
    public void Change_InTheTable_Happens_AnyOther_LeavesThePhase(InstancePhase from, PhaseCause cause)
    {
        var row = _expected.SingleOrDefault(line => line.StartsWith($"{from} {cause} ", StringComparison.Ordinal));
        var may = PhaseTable.TryNext(from, cause, out var to);
        Assert.Equal(row is not null, may);
        Assert.Equal(row is null ? from.ToString() : row.Split(' ')[2], to.ToString());
    }

    [Fact]
    public void Document_ShowsTheSameTable()
    {
        var rows = File.ReadLines(Repository.PathOf("docs", "lifecycle.md"))
            .SkipWhile(line => line != "## Phases")
            .Skip(1)
            .TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Where(line => line.StartsWith('|'))
            .Select(line => string.Join(' ', line.Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))
            .ToList();
        Assert.Equal(["from cause to", "--- --- ---", .. PhaseTable.Rows.Select(row => $"{row.From} {row.Cause} {row.To}")], rows);
    }
}
