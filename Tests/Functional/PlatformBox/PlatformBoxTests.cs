using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Functional.House;

namespace NoslateFleet.Tests.Functional.PlatformBox;

/// <summary>The platform in a box as users run it: real instances, really frozen, stopped and killed.</summary>
public sealed partial class PlatformBoxTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(90);

    [SkippableTheory]
    [InlineData("fc2", 2)]
    [InlineData("fc3", 4)]
    public async Task ThreeInstances_LoseNothingAndLeaveNothing(string version, int seed)
    {
        using var box = Start("--instances", "3", "--version", version, "--seed", $"{seed}", "--for", "11s");
        var said = await SaidAsync(box);
        Assert.True(said.ExitCode == 0, said.Output + said.Error);
        Assert.Equal("platform: ok", said.LastLine);
        Assert.Equal("", said.Error);
        Assert.DoesNotContain("VIOLATED", said.Output, StringComparison.Ordinal);
        Assert.StartsWith("schedule ", said.Output, StringComparison.Ordinal);

        // It did happen.
        string[] rows =
        [
            "requests", "  completed", "  failed by the function", "  cancelled by the client", "  stopped", "  killed", "freezes", "thaws",
        ];
        Assert.All(rows, row => Assert.True(Row(said, row) > 0, row));
        Assert.Equal(version == "fc2", said.Output.Contains("\n/pre-freeze ", StringComparison.Ordinal));
        Assert.Empty(Left(box.Id));
    }

    [SkippableFact]
    public async Task Interrupted_EndsEverythingAndTellsWhatThereWas()
    {
        using var box = StartBehind(await Scripts.HeedingInterruptAsync(), "--for", "1h", "--seed", "3");
        using var limit = new CancellationTokenSource(_limit);
        while (await box.StandardOutput.ReadLineAsync(limit.Token) is { } line && !Frozen().IsMatch(line))
        {
        }

        Assert.Equal(0, (await Scripts.RunAsync(["bash", "-c", $"kill -INT {box.Id}"])).ExitCode);
        var said = await SaidAsync(box);
        Assert.True(said.ExitCode == 0, said.Output + said.Error);
        Assert.Equal("platform: ok", said.LastLine);
        Assert.Equal(3, Row(said, "instances started"));
        Assert.Equal(3, Row(said, "  interrupted"));
        Assert.Empty(Left(box.Id));
    }

    [SkippableFact]
    public async Task Killed_LeavesNoInstanceBehind()
    {
        using var box = Start("--for", "1h", "--seed", "4", "--instances", "1");
        await Until.TrueAsync(() => Left(box.Id).Count >= 2, "its instance does not start");
        box.Kill();
        await box.WaitForExitAsync();
        await Until.TrueAsync(() => Left(box.Id).Count == 0, "its instance is still there");
    }

    [Fact]
    public async Task PrintSchedule_RunsNothingAndTellsEveryStep()
    {
        using var box = StartBox("--print-schedule", "--seed", "7", "--for", "20s");
        var said = await SaidAsync(box);
        Assert.Equal((0, ""), (said.ExitCode, said.Error));
        string[] texts = ["schedule ", "instance 0.1  start", "freeze ", "thaw #", "stop "];
        Assert.All(texts, text => Assert.Contains(text, said.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task WrongOption_IsOneLine_AndExitCode2()
    {
        using var box = StartBox("--for", "soon");
        var said = await SaidAsync(box);
        Assert.Equal(
            (2, "", "platform: option --for is 'soon': use a time of at most a day, such as 500ms, 60s or 2m\n"),
            (said.ExitCode, said.Output, said.Error));
    }

    [SkippableFact]
    public async Task MissingNodeProgram_IsOneLine_AndExitCode1()
    {
        using var box = StartBox("--gateway", PathOf("NoslateFleet.Gateway.dll"), "--node", "/no/such/node");
        var said = await SaidAsync(box);
        Assert.Equal((1, "platform: the program /no/such/node was not found\n"), (said.ExitCode, said.Error));
    }

    private static Process Start(params string[] arguments) => StartBehind([], arguments);

    private static Process StartBehind(string[] before, params string[] arguments)
    {
        Requires.Node();
        Requires.Program("setsid");
        return StartBoxBehind(before, ["--gateway", PathOf("NoslateFleet.Gateway.dll"), .. arguments]);
    }

    private static Process StartBox(params string[] arguments) => StartBoxBehind([], arguments);

    private static Process StartBoxBehind(string[] before, string[] arguments) =>
        Process.Start(Scripts.StartInfo([.. before, "dotnet", PathOf("NoslateFleet.Emulator.dll"), "platform", .. arguments]))!;

    private static string PathOf(string program) => Path.Combine(AppContext.BaseDirectory, program);

    private static async Task<Said> SaidAsync(Process box)
    {
        using var limit = new CancellationTokenSource(_limit);
        try
        {
            var output = box.StandardOutput.ReadToEndAsync(limit.Token);
            var error = box.StandardError.ReadToEndAsync(limit.Token);
            await box.WaitForExitAsync(limit.Token);
            return new Said(box.ExitCode, await output, await error);
        }
        finally
        {
            if (!box.HasExited)
            {
                // Its watchdog ends the instances.
                box.Kill();
            }
        }
    }

    private static int Row(Said said, string name)
    {
        var row = said.Output.Split('\n').Last(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        return int.Parse(row[name.Length..].TrimStart().Split(' ')[0], CultureInfo.InvariantCulture);
    }

    /// <summary>The processes that name the box's directory on their command line: gateways, emulators, workers, the watchdog.</summary>
    private static List<string> Left(int box)
    {
        var left = new List<string>();
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(it => char.IsAsciiDigit(it["/proc/".Length])))
        {
            try
            {
                var line = File.ReadAllText(Path.Combine(process, "cmdline"));
                if (line.Contains($"/tmp/nf-box-{box}-", StringComparison.Ordinal))
                {
                    left.Add(line);
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It has just ended.
            }
        }

        return left;
    }

    [GeneratedRegex("freezes [1-9]")]
    private static partial Regex Frozen();
}
