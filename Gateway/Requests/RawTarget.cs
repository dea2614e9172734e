using System.Text;

namespace NoslateFleet.Gateway.Requests;

/// <summary>Reads a request target as it was received, without normalising anything.</summary>
internal static class RawTarget
{
    private const string InvokePrefix = "/invoke/";

    /// <summary>Path and query as received; absolute form is reduced to them.</summary>
    public static string PathAndQuery(string rawTarget)
    {
        if (rawTarget.Length == 0)
        {
            return "/";
        }

        if (rawTarget[0] is '/' or '*')
        {
            return rawTarget;
        }

        var scheme = rawTarget.IndexOf("://", StringComparison.Ordinal);
        if (scheme < 0)
        {
            return rawTarget;
        }

        var rest = rawTarget.AsSpan(scheme + 3);
        var start = rest.IndexOfAny('/', '?');
        return start < 0 ? "/" : rest[start] == '/' ? rest[start..].ToString() : string.Concat("/", rest[start..]);
    }

    /// <summary>The path part of a path and query.</summary>
    public static ReadOnlySpan<char> Path(ReadOnlySpan<char> pathAndQuery)
    {
        var query = pathAndQuery.IndexOf('?');
        return query < 0 ? pathAndQuery : pathAndQuery[..query];
    }

    /// <summary>
    /// Splits <c>/invoke/NAME[/rest][?query]</c>. Only the name is decoded; the rest stays as it came.
    /// </summary>
    /// <param name="pathAndQuery">Path and query.</param>
    /// <param name="name">The decoded name.</param>
    /// <param name="rest">What the function sees as its url: always begins with <c>/</c>.</param>
    /// <returns>False if it has another shape, or the name can't be one: empty, a dot segment, with a slash or broken escapes in it.</returns>
    public static bool TrySplitInvoke(string pathAndQuery, out string name, out string rest)
    {
        name = "";
        rest = "";
        if (!pathAndQuery.StartsWith(InvokePrefix, StringComparison.Ordinal))
        {
            return false;
        }

        var tail = pathAndQuery.AsSpan(InvokePrefix.Length);
        var end = tail.IndexOfAny('/', '?');
        var segment = end < 0 ? tail : tail[..end];
        if (segment.IsEmpty || !TryDecode(segment, out name) || name.Contains('/', StringComparison.Ordinal) || name is "." or ".."
            || !Routing.TargetHeader.IsName(name))
        {
            name = "";
            return false;
        }

        rest = end < 0 ? "/" : tail[end] == '/' ? tail[end..].ToString() : string.Concat("/", tail[end..]);
        return true;
    }

    /// <summary>
    /// The decoded path that prefix rules see; null where they must match nothing: a dot segment or an encoded slash would let
    /// the path mean something else to whoever reads it next, and so would broken escapes.
    /// </summary>
    public static string? DecodedPath(string pathAndQuery)
    {
        var path = Path(pathAndQuery);
        if (path.IsEmpty || path[0] != '/' || path.Contains("%2f", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        if (path.Contains('%'))
        {
            return TryDecode(path, out var decoded) && !HasDotSegment(decoded) ? decoded : null;
        }

        return HasDotSegment(path) ? null : path.Length == pathAndQuery.Length ? pathAndQuery : path.ToString();
    }

    /// <summary>Whether a segment is <c>.</c> or <c>..</c>.</summary>
    public static bool HasDotSegment(ReadOnlySpan<char> path)
    {
        foreach (var range in path.Split('/'))
        {
            if (path[range] is "." or "..")
            {
                return true;
            }
        }

        return false;
    }

    private static bool TryDecode(ReadOnlySpan<char> text, out string decoded)
    {
        decoded = "";
        if (!text.Contains('%'))
        {
            decoded = text.ToString();
            return true;
        }

        // An escape is three characters for one byte, any other UTF-16 unit at most three bytes: never longer than this.
        var bytes = new byte[text.Length * 3];
        var count = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                var run = text[i..];
                var stop = run.IndexOf('%');
                run = stop < 0 ? run : run[..stop];
                count += Encoding.UTF8.GetBytes(run, bytes.AsSpan(count));
                i += run.Length - 1;
            }
            else if (i + 2 < text.Length && char.IsAsciiHexDigit(text[i + 1]) && char.IsAsciiHexDigit(text[i + 2]))
            {
                bytes[count++] = byte.Parse(text.Slice(i + 1, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null);
                i += 2;
            }
            else
            {
                return false;
            }
        }

        var span = bytes.AsSpan(0, count);
        if (!System.Text.Unicode.Utf8.IsValid(span))
        {
            return false;
        }

        decoded = Encoding.UTF8.GetString(span);
        return true;
    }
}
