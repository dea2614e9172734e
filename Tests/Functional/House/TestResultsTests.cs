using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>How ./test reads the results of a test run. Recorded trx files are read here.</summary>
public sealed class TestResultsTests
{
    [Fact]
    public async Task EveryOutcome_IsReadWithNameAndMessage()
    {
        var lines = await ReadAsync("all-outcomes");
        Assert.Equal(2, lines.Count(line => line == "passed"));
        Assert.Contains("skipped\tSample.T.Skip_Skips\tnode is not installed (Debian: nodejs) <>", lines);
        Assert.Contains("skipped\tSample.T.Skip_Static\tstatic reason", lines);
        Assert.Contains(lines, line => line.StartsWith("failed\tSample.T.Bad_Fails\tAssert.Equal() Failure: Strings differ\u0001", StringComparison.Ordinal)
            && line.Contains("Expected: \"a<b>&\"c\\nline2\"", StringComparison.Ordinal)
            && line.EndsWith("T.cs:line 4", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("failed\tSample.T.Theory_Fail(a: \"fail > y & \\\"z\\\"\")\tSystem.InvalidOperationException", StringComparison.Ordinal));
        Assert.Contains("total\t6", lines);
        Assert.Equal(7, lines.Count);
    }

    [Fact]
    public async Task CrashedTestHost_IsToldWithItsLastWords()
    {
        var lines = await ReadAsync("crashed");
        Assert.Contains(lines, line => line.StartsWith("aborted\tThe active test run was aborted.", StringComparison.Ordinal) && line.Contains("boom", StringComparison.Ordinal));
        Assert.Contains("total\t0", lines);
    }

    private static async Task<List<string>> ReadAsync(string recorded)
    {
        var said = await Scripts.RunAsync(
            ["awk", "-f", Repository.PathOf(".ci", "results.awk"), Repository.PathOf("Tests", "Functional", "House", "Results", recorded + ".trx")]);
        Assert.Equal((0, ""), (said.ExitCode, said.Error));
        return [.. said.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }
}
