namespace NoslateFleet.Noslate.Profiles;

/// <summary>Finds the name that was probably meant.</summary>
internal static class Suggestion
{
    private const int LongestName = 64;

    internal static string For(string name, IEnumerable<string> known)
    {
        string? nearest = null;
        var least = int.MaxValue;
        if (name.Length <= LongestName)
        {
            foreach (var candidate in known)
            {
                var distance = Distance(name, candidate);
                if (distance < least)
                    (nearest, least) = (candidate, distance);
            }
        }

        return nearest is not null && least <= Math.Max(2, nearest.Length / 3)
            ? $"did you mean {nearest}?"
            : $"known are {string.Join(", ", known)}";
    }

    private static int Distance(string a, string b)
    {
        var previous = new int[b.Length + 1];
        var current = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            previous[j] = j;

        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var same = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]);
                current[j] = Math.Min(Math.Min(previous[j], current[j - 1]) + 1, previous[j - 1] + (same ? 0 : 1));
            }

            (previous, current) = (current, previous);
        }

        return previous[b.Length];
    }
}
