using System.Globalization;
using System.Text;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>
/// What a function or service may be called. The node itself takes anything; this refuses only what could not be routed to, or
/// would deceive in a log or on a dashboard.
/// </summary>
internal static class ProfileNames
{
    internal const int Longest = 128;

    internal const string Expected =
        "1 to 128 letters, digits, marks or _ . - $ @ / : + ~, and no part between slashes may be empty, . or ..";

    internal static bool IsRight(string name)
    {
        if (name.Length is 0 or > Longest)
            return false;

        foreach (var rune in name.EnumerateRunes())
        {
            if (!IsRight(rune))
                return false;
        }

        // Clients and proxies remove such parts from a path, so the function would answer under another's name.
        foreach (var part in name.Split('/'))
        {
            if (part is "" or "." or "..")
                return false;
        }

        return true;
    }

    private static bool IsRight(Rune rune) =>
        rune.IsAscii
            ? char.IsAsciiLetterOrDigit((char)rune.Value) || "_.-$@/:+~".Contains((char)rune.Value, StringComparison.Ordinal)
            : Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;
}
