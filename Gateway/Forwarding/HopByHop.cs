using System.Collections.Frozen;
using Microsoft.Extensions.Primitives;

namespace NoslateFleet.Gateway.Forwarding;

/// <summary>Headers that belong to one connection only (RFC 9110, section 7.6.1), and those that a Connection header names.</summary>
internal static class HopByHop
{
    private static readonly FrozenSet<string> _names = new[]
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "http2-settings",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Without these a message changes its meaning, so a Connection header can't take them away.</summary>
    private static readonly FrozenSet<string> _endToEnd = new[] { "host", "content-length", "content-type", "x-request-id" }
        .ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static bool Contains(string name) => _names.Contains(name);

    /// <summary>Whether a Connection header names this one.</summary>
    public static bool Names(StringValues connection, string name)
    {
        foreach (var value in connection)
        {
            foreach (var range in value.AsSpan().Split(','))
            {
                if (value.AsSpan(range).Trim().Equals(name, StringComparison.OrdinalIgnoreCase))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>The further names in Connection headers; null in the usual case that there is none.</summary>
    public static HashSet<string>? Named(StringValues connection)
    {
        HashSet<string>? named = null;
        foreach (var value in connection)
        {
            foreach (var range in value.AsSpan().Split(','))
            {
                var token = value.AsSpan(range).Trim();
                if (token.IsEmpty || token.Equals("close", StringComparison.OrdinalIgnoreCase)
                    || token.Equals("keep-alive", StringComparison.OrdinalIgnoreCase))
                {
                    continue;
                }

                var name = token.ToString();
                if (!_names.Contains(name) && !_endToEnd.Contains(name))
                {
                    named ??= new HashSet<string>(StringComparer.OrdinalIgnoreCase);
                    named.Add(name);
                }
            }
        }

        return named;
    }
}
