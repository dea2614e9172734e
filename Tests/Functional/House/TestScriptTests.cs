using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>./test: its last line and exit code, whatever happens.</summary>
public sealed class TestScriptTests
{
    private const string Sdk = "case $1 in --version) echo 10.0.100; exit;; esac";

    /// <summary>Shell text that finds the directory for results among the arguments.</summary>
    private const string ResultsDirectory = "while [ $# -gt 0 ]; do if [ \"$1\" = --results-directory ]; then d=$2; fi; shift; done; mkdir -p \"$d\";";

    private static readonly string _test = Repository.PathOf("test");

    [Fact]
    public async Task SdkMissing_IsOneFailureAfterOneClearLine()
    {
        using var tools = new Toolbox();
        var said = await Scripts.RunAsync(["bash", _test], tools.Path);
        var lines = said.Output.TrimEnd('\n').Split('\n');
        Assert.Equal(1, said.ExitCode);
        Assert.Equal(2, lines.Length);
        Assert.Contains(".NET SDK was not found", lines[0], StringComparison.Ordinal);
        Assert.Equal("0 passed, 1 failed, 0 skipped", lines[1]);
    }

    [Theory]
    [InlineData("--nope", "--nope")]
    [InlineData("Nope", "no test project Nope")]
    public async Task WrongArgument_IsOneFailure(string argument, string word)
    {
        using var tools = new Toolbox().With("dotnet", Sdk);
        var said = await Scripts.RunAsync(["bash", _test, argument], tools.Path);
        Assert.Equal((1, "0 passed, 1 failed, 0 skipped"), (said.ExitCode, said.LastLine));
        Assert.Contains(word, said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OrleansPackagesMissing_LeavesTheirProjectsOutAsOneSkipEach()
    {
        var recorded = Repository.PathOf("Tests", "Functional", "House", "Restore", "orleans-missing.txt");
        using var tools = new Toolbox().With(
            "dotnet", $"{Sdk}\ncase $1 in restore) [ \"$2\" = Standalone.slnf ] || {{ cat '{recorded}'; exit 1; }};; test) {Trx("Passed")};; esac");
        var leftOut = Product.Whole.Except(Product.Standalone).Select(Product.NameOf).ToList();

        var said = await Scripts.RunAsync(["bash", _test], tools.Path);

        var tests = Product.Standalone.Count(p => p.StartsWith("Tests/", StringComparison.Ordinal)) - 1;
        Assert.Equal((0, $"{tests} passed, 0 failed, {leftOut.Count} skipped"), (said.ExitCode, said.LastLine));
        Assert.Single(said.Output.Split('\n'), line => line.StartsWith("Orleans half left out: ", StringComparison.Ordinal)
            && line.EndsWith("projects left out: " + string.Join(", ", leftOut), StringComparison.Ordinal));
        Assert.All(leftOut, name => Assert.Single(said.Output.Split('\n'), line => line.StartsWith($"skipped  {name}: left out", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task OtherRestoreError_Fails()
    {
        var recorded = Repository.PathOf("Tests", "Functional", "House", "Restore", "orleans-and-other-missing.txt");
        using var tools = new Toolbox().With("dotnet", $"{Sdk}\ncat '{recorded}'; exit 1");
        var said = await Scripts.RunAsync(["bash", _test], tools.Path);
        Assert.Equal((1, "0 passed, 1 failed, 0 skipped"), (said.ExitCode, said.LastLine));
        Assert.Contains("error NU1102: Unable to find package FsCheck", said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CompileError_FailsAndIsShown()
    {
        using var tools = new Toolbox().With(
            "dotnet", $"{Sdk}\nif [ \"$1\" = build ]; then echo \"$PWD/Gateway/Program.cs(1,1): error CS1002: ; expected [$PWD/Gateway/Gateway.csproj]\"; exit 1; fi");
        var said = await Scripts.RunAsync(["bash", _test], tools.Path);
        Assert.Equal((1, "0 passed, 1 failed, 0 skipped"), (said.ExitCode, said.LastLine));
        Assert.Contains("Gateway/Program.cs(1,1): error CS1002: ; expected\n", said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunWithoutResults_IsAFailureWithItsProjectsName()
    {
        using var tools = new Toolbox().With("dotnet", $"{Sdk}\nif [ \"$1\" = test ]; then echo 'it fell over'; exit 134; fi");
        var said = await Scripts.RunAsync(["bash", _test, "Noslate"], tools.Path);
        Assert.Equal((1, "0 passed, 1 failed, 0 skipped"), (said.ExitCode, said.LastLine));
        Assert.Contains("failed   Tests.Noslate\n", said.Output, StringComparison.Ordinal);
        Assert.Contains("it fell over", said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CrashedTestHost_IsAFailureWithItsProjectsName()
    {
        var recorded = Repository.PathOf("Tests", "Functional", "House", "Results", "crashed.trx");
        using var tools = new Toolbox().With("dotnet", $"{Sdk}\nif [ \"$1\" = test ]; then {Copy(recorded)}; exit 1; fi");
        var said = await Scripts.RunAsync(["bash", _test, "Noslate"], tools.Path);
        Assert.Equal((1, "0 passed, 1 failed, 0 skipped"), (said.ExitCode, said.LastLine));
        Assert.Contains("failed   Tests.Noslate\n         the test run broke off", said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CleanResultsButBadExitCode_IsAFailure()
    {
        using var tools = new Toolbox().With("dotnet", $"{Sdk}\nif [ \"$1\" = test ]; then {Trx("Passed")}; exit 1; fi");
        var said = await Scripts.RunAsync(["bash", _test, "Noslate"], tools.Path);
        Assert.Equal((1, "1 passed, 1 failed, 0 skipped"), (said.ExitCode, said.LastLine));
    }

    [Fact]
    public async Task OnlySkippedTests_AreNoSuccess()
    {
        using var tools = new Toolbox().With("dotnet", $"{Sdk}\nif [ \"$1\" = test ]; then {Trx("NotExecuted")}; fi");
        var said = await Scripts.RunAsync(["bash", _test, "Noslate"], tools.Path);
        Assert.Equal((1, "0 passed, 0 failed, 1 skipped"), (said.ExitCode, said.LastLine));
    }

    [Fact]
    public async Task FailedAndSkippedTests_AreNamedAboveTheLastLine()
    {
        var recorded = Repository.PathOf("Tests", "Functional", "House", "Results", "all-outcomes.trx");
        using var tools = new Toolbox().With("dotnet", $"{Sdk}\nif [ \"$1\" = test ]; then {Copy(recorded)}; exit 1; fi");
        var said = await Scripts.RunAsync(["bash", _test, "Noslate"], tools.Path);
        Assert.Equal((1, "2 passed, 2 failed, 2 skipped"), (said.ExitCode, said.LastLine));
        Assert.Contains("skipped  Sample.T.Skip_Skips: node is not installed (Debian: nodejs) <>\n", said.Output, StringComparison.Ordinal);
        Assert.Contains("failed   Sample.T.Bad_Fails\n         Assert.Equal() Failure: Strings differ\n", said.Output, StringComparison.Ordinal);
        Assert.True(
            said.Output.IndexOf("skipped  Sample", StringComparison.Ordinal) < said.Output.IndexOf("failed   Sample", StringComparison.Ordinal),
            "failed tests must stand nearest to the last line");
    }

    [Theory]
    [InlineData(false, "NOSLATEFLEET_REQUIRE=")]
    [InlineData(true, "NOSLATEFLEET_REQUIRE=1")]
    public async Task Require_IsToldToTheTests(bool require, string expected)
    {
        using var tools = new Toolbox().With(
            "dotnet", $"{Sdk}\nif [ \"$1\" = test ]; then echo \"NOSLATEFLEET_REQUIRE=${{NOSLATEFLEET_REQUIRE:-}}\"; exit 1; fi");
        var inherited = Environment.GetEnvironmentVariable("NOSLATEFLEET_REQUIRE");
        string[] command = require ? ["bash", _test, "--require", "Noslate"] : ["env", "-u", "NOSLATEFLEET_REQUIRE", "bash", _test, "Noslate"];
        var said = await Scripts.RunAsync(command, tools.Path);
        Assert.Contains(expected + "\n", said.Output, StringComparison.Ordinal);
        Assert.Equal(inherited, Environment.GetEnvironmentVariable("NOSLATEFLEET_REQUIRE"));
    }

    /// <summary>Shell text that leaves a recorded trx file where ./test told dotnet to.</summary>
    private static string Copy(string recorded) => $"{ResultsDirectory} cat '{recorded}' >\"$d/results.trx\"";

    /// <summary>Shell text that leaves a trx file with one result.</summary>
    private static string Trx(string outcome) =>
        $"{ResultsDirectory} echo '<TestRun><Results><UnitTestResult testName=\"T\" outcome=\"{outcome}\" /></Results>"
        + "<ResultSummary outcome=\"Completed\"><Counters total=\"1\" /></ResultSummary></TestRun>' >\"$d/results.trx\"";
}
