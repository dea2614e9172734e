using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Gateway.Requests;

namespace NoslateFleet.Gateway.Forwarding;

/// <summary>Which response headers of a function pass, and which make its head unfit for HTTP.</summary>
internal sealed class ResponseHeaderRules(ForwardingOptions options, PlatformMode mode)
{
    private static readonly SearchValues<char> _token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>The gateway's own words: a function can't put them in its mouth.</summary>
    private static readonly FrozenSet<string> _ours = new[]
    {
        RequestIds.Header, ProblemWriter.ComponentHeader, ProblemWriter.ReasonHeader, ProblemWriter.ExecutedHeader,
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Function Compute does not let a function set these on its responses (its HTTP trigger pages list them).</summary>
    private static readonly FrozenSet<string> _bannedByPlatform =
        new[] { "content-length", "date", "server" }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private readonly bool _functionCompute = mode == PlatformMode.FunctionCompute;

    /// <summary>Copies the head of a function's response.</summary>
    /// <param name="status">The function's status.</param>
    /// <param name="received">The function's headers.</param>
    /// <param name="headers">The response's headers; left as they were if the head is unfit.</param>
    /// <returns>Null, or one sentence on what HTTP can't carry.</returns>
    public string? Apply(int status, IReadOnlyList<KeyValuePair<string, string>> received, IHeaderDictionary headers)
    {
        if (status is < 200 or > 599)
        {
            return string.Create(CultureInfo.InvariantCulture, $"The function's status is {status}; it must be from 200 to 599.");
        }

        if (Check(received, out var connection, out var contentLength) is { } problem)
        {
            return problem;
        }

        var named = connection.Count == 0 ? null : HopByHop.Named(connection);
        for (var i = 0; i < received.Count; i++)
        {
            var (name, value) = received[i];
            if (name.Equals("content-length", StringComparison.OrdinalIgnoreCase) || HopByHop.Contains(name) || _ours.Contains(name)
                || (named is not null && named.Contains(name)) || (_functionCompute && IsBanned(name, value)))
            {
                continue;
            }

            // Not Append, which takes an empty value for none and drops the header.
            headers[name] = headers.TryGetValue(name, out var earlier) ? StringValues.Concat(earlier, value) : value;
        }

        // 204 and 205 have no body, so a length there would contradict the status (RFC 9110, section 8.6).
        if (contentLength is { } length && !_functionCompute && status is not (204 or 205))
        {
            headers.ContentLength = length;
        }

        return null;
    }

    private string? Check(IReadOnlyList<KeyValuePair<string, string>> received, out StringValues connection, out long? contentLength)
    {
        connection = default;
        contentLength = null;
        long total = 0;
        for (var i = 0; i < received.Count; i++)
        {
            var (name, value) = received[i];
            if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(_token))
            {
                return $"The function's response header name \"{Show(name)}\" is not a token.";
            }

            foreach (var c in value)
            {
                if ((c < ' ' && c != '\t') || c == '\u007f')
                {
                    return $"The function's response header {Show(name)} has a control character in its value.";
                }
            }

            total += name.Length + System.Text.Encoding.UTF8.GetByteCount(value) + 4;
            if (name.Equals("content-length", StringComparison.OrdinalIgnoreCase))
            {
                if (!long.TryParse(value.AsSpan().Trim(" \t"), NumberStyles.None, CultureInfo.InvariantCulture, out var length)
                    || (contentLength is { } earlier && earlier != length))
                {
                    return "The function's Content-Length is not one whole number.";
                }

                contentLength = length;
            }
            else if (name.Equals("connection", StringComparison.OrdinalIgnoreCase))
            {
                connection = StringValues.Concat(connection, value);
            }
        }

        return total > options.MaxResponseHeaderBytes
            ? string.Create(CultureInfo.InvariantCulture, $"The function's response headers take {total} bytes; the limit is {options.MaxResponseHeaderBytes}.")
            : null;
    }

    private static bool IsBanned(string name, string value) =>
        _bannedByPlatform.Contains(name)
        || name.StartsWith(PlatformHeaders.Prefix, StringComparison.OrdinalIgnoreCase)
        || (name.Equals("content-disposition", StringComparison.OrdinalIgnoreCase)
            && value.AsSpan().TrimStart().StartsWith("attachment", StringComparison.OrdinalIgnoreCase));

    private static string Show(string name)
    {
        var shown = name.Length > 64 ? name[..64] + "..." : name;
        return string.Concat(shown.Select(c => char.IsControl(c) ? "?" : c.ToString()));
    }
}
