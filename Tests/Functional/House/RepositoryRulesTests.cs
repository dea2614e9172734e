using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>Rules that hold for every file of the repository.</summary>
public sealed partial class RepositoryRulesTests
{
    [Fact]
    public void EditorConfig_GivesAReasonForEveryRuleItSwitchesOff()
    {
        var unexplained = Unexplained(File.ReadAllLines(Repository.PathOf(".editorconfig")));
        Assert.Empty(unexplained);
    }

    [Fact]
    public void EditorConfigCheck_FindsARuleWithoutReason() =>
        Assert.Equal(
            ["CA2", "CA4"],
            Unexplained(
            [
                "# CA1: because.",
                "dotnet_diagnostic.CA1.severity = none",
                "dotnet_diagnostic.CA2.severity = none",
                "",
                "# CA3: because.",
                "dotnet_diagnostic.CA3.severity = none",
                "# About something else.",
                "dotnet_diagnostic.CA4.severity = silent",
            ]));

    [Fact]
    public void NoWarn_HasAReasonAboveIt()
    {
        var unexplained = new List<string>();
        foreach (var file in Product.Files().Where(f => f.EndsWith(".csproj", StringComparison.Ordinal) || f.EndsWith(".props", StringComparison.Ordinal)))
        {
            var lines = File.ReadAllLines(Repository.PathOf(file));
            for (var i = 0; i < lines.Length; i++)
            {
                var off = NoWarn().Match(lines[i]);
                if (off.Success && !RuleId().Matches(off.Groups[1].Value).All(id => i > 0 && lines[i - 1].Contains(id.Value, StringComparison.Ordinal)))
                {
                    unexplained.Add($"{file}:{i + 1}");
                }
            }
        }

        Assert.Empty(unexplained);
    }

    [Fact]
    public void Pragma_HasAReasonBesideOrAboveIt()
    {
        var unexplained = new List<string>();
        foreach (var file in Product.Files().Where(f => f.EndsWith(".cs", StringComparison.Ordinal)))
        {
            var lines = File.ReadAllLines(Repository.PathOf(file));
            for (var i = 0; i < lines.Length; i++)
            {
                if (lines[i].TrimStart().StartsWith("#pragma warning disable", StringComparison.Ordinal)
                    && !lines[i].Contains("//", StringComparison.Ordinal)
                    && !(i > 0 && lines[i - 1].TrimStart().StartsWith("//", StringComparison.Ordinal)))
                {
                    unexplained.Add($"{file}:{i + 1}");
                }
            }
        }

        Assert.Empty(unexplained);
    }

    [Fact]
    public void Readme_IsUnder200Lines() => Assert.InRange(File.ReadAllLines(Repository.PathOf("README.md")).Length, 1, 199);

    [Fact]
    public void Readme_LinksOnlyToFilesThatExist()
    {
        var broken = new List<string>();
        foreach (var page in Product.Files().Where(f => f is "README.md" || (f.StartsWith("docs/", StringComparison.Ordinal) && f.EndsWith(".md", StringComparison.Ordinal))))
        {
            foreach (Match link in Link().Matches(File.ReadAllText(Repository.PathOf(page))))
            {
                var target = link.Groups[1].Value.Split('#')[0];
                if (target.Length > 0 && !target.Contains("://", StringComparison.Ordinal)
                    && !Path.Exists(Path.Combine(Path.GetDirectoryName(Repository.PathOf(page))!, target)))
                {
                    broken.Add($"{page}: {target}");
                }
            }
        }

        Assert.Empty(broken);
    }

    [Fact]
    public void TrackedFile_NamesNoPathOfAPersonsMachine()
    {
        var found = new List<string>();
        foreach (var file in TrackedFiles())
        {
            var bytes = File.ReadAllBytes(Repository.PathOf(file));
            if (bytes.AsSpan().IndexOf((byte)0) < 0)
            {
                found.AddRange(HomePath().Matches(Encoding.UTF8.GetString(bytes)).Select(m => $"{file}: {m.Value}"));
            }
        }

        Assert.Empty(found);
    }

    [Fact]
    public void HomePathCheck_FindsOne()
    {
        // Put together here, so that this file does not hold what it forbids.
        Assert.Matches(HomePath(), "see /" + "root/x");
        Assert.Matches(HomePath(), "see /" + "home/somebody/x");
        Assert.DoesNotMatch(HomePath(), "https://example.com/path/root/x and the /home page");
    }

    private static List<string> Unexplained(IReadOnlyList<string> lines)
    {
        var unexplained = new List<string>();
        var comment = new StringBuilder();
        var afterRule = false;
        foreach (var line in lines)
        {
            if (line.StartsWith('#'))
            {
                // A comment after a rule begins a new block; several lines of one comment belong together.
                comment = afterRule ? new StringBuilder(line) : comment.Append(line);
                afterRule = false;
                continue;
            }

            if (SwitchedOff().Match(line) is { Success: true } off)
            {
                if (!comment.ToString().Contains(off.Groups[1].Value, StringComparison.Ordinal))
                {
                    unexplained.Add(off.Groups[1].Value);
                }

                afterRule = true;
                continue;
            }

            comment.Clear();
            afterRule = false;
        }

        return unexplained;
    }

    /// <summary>What git tracks; without a usable git, every file but build outputs.</summary>
    private static IEnumerable<string> TrackedFiles()
    {
        try
        {
            var start = new ProcessStartInfo("git", ["ls-files", "-z"])
            {
                WorkingDirectory = Repository.Root,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var git = Process.Start(start)!;
            git.ErrorDataReceived += static (_, _) => { };
            git.BeginErrorReadLine();
            var output = git.StandardOutput.ReadToEnd();
            git.WaitForExit();
            if (git.ExitCode == 0)
            {
                return output.Split('\0', StringSplitOptions.RemoveEmptyEntries).Where(f => File.Exists(Repository.PathOf(f)));
            }
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // There is no git here.
        }

        return Product.Files();
    }

    [GeneratedRegex(@"^\s*(?:dotnet_diagnostic\.)?(\w+?)(?:\.severity)?\s*=\s*(?:\w+:)?(?:none|silent)\s*$")]
    private static partial Regex SwitchedOff();

    [GeneratedRegex("<NoWarn>(.*)</NoWarn>")]
    private static partial Regex NoWarn();

    [GeneratedRegex(@"\b[A-Z]+\d+\b")]
    private static partial Regex RuleId();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("(?<![A-Za-z0-9_.~-])/(?:root|home/[A-Za-z0-9._-]+)/")]
    private static partial Regex HomePath();
}
