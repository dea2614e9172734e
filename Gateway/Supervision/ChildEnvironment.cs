namespace NoslateFleet.Gateway.Supervision;

/// <summary>
/// What the node's processes get of our environment: what is named here and nothing else, since tenant code runs below them. The platform's
/// credentials and our own settings, tokens among them, can't be named at all.
/// </summary>
internal static class ChildEnvironment
{
    private static readonly string[] _names =
        ["PATH", "HOME", "USER", "LOGNAME", "HOSTNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "LIBTURF_PATH"];

    private static readonly string[] _prefixes = ["NOSLATE_", "NOSLATED_", "TURF_", "LC_"];

    /// <summary>Whether a name may be given to children when the configuration asks for it.</summary>
    /// <param name="name">Name of a variable.</param>
    public static bool MayPass(string name) =>
        !name.StartsWith("ALIBABA_CLOUD_", StringComparison.OrdinalIgnoreCase)
        && !name.StartsWith("FC_", StringComparison.OrdinalIgnoreCase)

        // A double underscore makes a configuration key of it: one of ours, a token perhaps.
        && !name.Contains("__", StringComparison.Ordinal);

    /// <summary>Makes the children's environment.</summary>
    /// <param name="ours">The environment of this process.</param>
    /// <param name="further">Names that the configuration adds; those that may not pass are left out.</param>
    public static Dictionary<string, string> Of(IEnumerable<KeyValuePair<string, string>> ours, IReadOnlyCollection<string> further)
    {
        var clean = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in ours)
        {
            var named = _names.Contains(name, StringComparer.Ordinal)
                || Array.Exists(_prefixes, prefix => name.StartsWith(prefix, StringComparison.Ordinal))
                || further.Contains(name, StringComparer.Ordinal);
            if (named && MayPass(name))
            {
                clean[name] = value;
            }
        }

        return clean;
    }
}
