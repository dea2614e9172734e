using System.Text.RegularExpressions;
using NoslateFleet.Emulator.PlatformBox;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Emulator.PlatformBox;

public sealed partial class RefusalsTests
{
    /// <summary>The gateway is another process to the box, so what it may answer is taken from where users read it.</summary>
    [Fact]
    public void DeclaredRefusals_AreDocumented_AndNeverRan()
    {
        string page = File.ReadAllText(Repository.PathOf("docs", "errors.md"));
        HashSet<string> documented = [.. Row().Matches(page).Select(row => row.Groups[1].Value)];
        Assert.Empty(Refusals.Declared.Except(documented));
        Assert.Contains("no-route", documented);
        Assert.DoesNotContain("no-route", Refusals.Declared);
    }

    [GeneratedRegex(@"^\| `([a-z-]+)` \| \d+ \| [a-z-]+ \| never \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
