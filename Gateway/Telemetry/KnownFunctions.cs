using NoslateFleet.Coordination.Functions;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Profiles;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>Tells which names are functions or services of the node: by the profiles it was given, or, where it was given none, by what it told of.</summary>
internal sealed class KnownFunctions(INoslateNode node, FunctionBoard board)
{
    private volatile Known? _known;

    /// <summary>Whether the node has a function or service of that name.</summary>
    public bool Exists(string name)
    {
        if (node.Profiles is not { } profiles)
        {
            return board.TemperatureOf(name) is not null;
        }

        var known = _known;
        if (known?.Profiles != profiles)
        {
            // Once for each set: asked for a flood of names, a walk through thousands of profiles each time would be felt.
            _known = known = new Known(
                profiles, profiles.Functions.Select(static f => f.Name).Concat(profiles.Services.Select(static s => s.Name)).ToHashSet(StringComparer.Ordinal));
        }

        return known.Names.Contains(name);
    }

    private sealed record Known(ProfileSet Profiles, HashSet<string> Names);
}
