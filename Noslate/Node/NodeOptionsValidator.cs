using System.Text;

namespace NoslateFleet.Noslate.Node;

/// <summary>Checks <see cref="NodeOptions"/>.</summary>
public static class NodeOptionsValidator
{
    /// <summary>sizeof(sockaddr_un.sun_path) - 1 on Linux (man 7 unix).</summary>
    public const int MaxSocketPathBytes = 107;

    private const int MaxPlanes = 64;

    // Timers take no more; also far beyond any use.
    private static readonly TimeSpan MaxSpan = TimeSpan.FromDays(24);

    /// <summary>Checks all rules.</summary>
    /// <param name="options">What to check.</param>
    /// <returns>One line for each violation, with the key and the value; empty when there is none.</returns>
    public static IReadOnlyList<string> Validate(NodeOptions options)
    {
        var errors = new List<string>();
        CheckCount(errors, nameof(NodeOptions.DataPlanes), options.DataPlanes);
        CheckCount(errors, nameof(NodeOptions.ControlPlanes), options.ControlPlanes);
        CheckSpan(errors, nameof(NodeOptions.ReconnectMin), options.ReconnectMin);
        CheckSpan(errors, nameof(NodeOptions.ReconnectMax), options.ReconnectMax);
        CheckSpan(errors, nameof(NodeOptions.CallTimeout), options.CallTimeout);
        CheckSpan(errors, nameof(NodeOptions.SetProfilesTimeout), options.SetProfilesTimeout);
        if (options.ResyncWindow < TimeSpan.Zero || options.ResyncWindow > MaxSpan)
        {
            errors.Add($"{Key(nameof(NodeOptions.ResyncWindow))} is {options.ResyncWindow}; it must be zero or more and at most {MaxSpan}.");
        }

        if (options.ReconnectMin > options.ReconnectMax)
        {
            errors.Add($"{Key(nameof(NodeOptions.ReconnectMin))} is {options.ReconnectMin}, more than "
                + $"{Key(nameof(NodeOptions.ReconnectMax))}, which is {options.ReconnectMax}; it must not be.");
        }

        CheckWorkdir(errors, options);
        return errors;
    }

    private static void CheckWorkdir(List<string> errors, NodeOptions options)
    {
        string key = Key(nameof(NodeOptions.Workdir));
        if (string.IsNullOrWhiteSpace(options.Workdir))
        {
            errors.Add($"{key} is not set; it must be the node's working directory (NOSLATED_WORKDIR).");
            return;
        }

        if (options.Workdir.Contains('\0', StringComparison.Ordinal))
        {
            errors.Add($"{key} has a NUL character in it; it must be a path.");
            return;
        }

        string longest = SocketPaths.Longest(options);
        int bytes = Encoding.UTF8.GetByteCount(longest);
        if (bytes > MaxSocketPathBytes)
        {
            errors.Add($"{key} is '{options.Workdir}': the socket path '{longest}' is {bytes} bytes long; "
                + $"unix sockets take at most {MaxSocketPathBytes}.");
        }
    }

    private static void CheckCount(List<string> errors, string name, int value)
    {
        if (value is < 1 or > MaxPlanes)
        {
            errors.Add($"{Key(name)} is {value}; it must be 1 to {MaxPlanes}.");
        }
    }

    private static void CheckSpan(List<string> errors, string name, TimeSpan value)
    {
        if (value <= TimeSpan.Zero || value > MaxSpan)
        {
            errors.Add($"{Key(name)} is {value}; it must be more than zero and at most {MaxSpan}.");
        }
    }

    private static string Key(string name) => $"{NodeOptions.SectionName}:{name}";
}
