using System.Text;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>
/// Where a function's code is: a directory (<c>file:</c>) or a zip (<c>http:</c>, <c>https:</c>). Directories become absolute.
/// </summary>
/// <remarks>
/// The node cuts <c>file://</c> off and takes the rest as the path, letter by letter, without percent-decoding
/// (https://github.com/noslate-project/noslated, src/control_plane/code_manager.ts). So a url is decoded here, by the rules of
/// file urls, and sent as the plain path.
/// </remarks>
internal static class CodeUrl
{
    internal const string Expected =
        "file:./dir or file:dir (relative to this file's directory), file:///dir, or an http: or https: url of a zip";

    private const string Scheme = "file:";

    /// <summary>Resolves a url.</summary>
    /// <returns>What is wrong, as the rest of a sentence that begins with the field's name; null if nothing is.</returns>
    internal static string? Resolve(string text, string baseDirectory, out string url)
    {
        url = "";
        if (text.Any(char.IsControl))
            return Wrong(text, Expected);
        if (text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return ResolveFile(text, text[Scheme.Length..], baseDirectory, out url);
        if (text.StartsWith("http:", StringComparison.OrdinalIgnoreCase) || text.StartsWith("https:", StringComparison.OrdinalIgnoreCase))
            return CheckWeb(text, out url);

        return Wrong(text, text.Length > 0 && !text.Contains(':', StringComparison.Ordinal) ? $"{Expected}; a path needs file: before it" : Expected);
    }

    /// <summary>Writes a resolved url so that <see cref="Resolve"/> gives it back.</summary>
    internal static string Write(string url)
    {
        if (!url.StartsWith("file://", StringComparison.Ordinal))
            return url;

        var written = new StringBuilder(url.Length);
        foreach (var c in url)
        {
            if (c is '%' or '?' or '#' or ' ')
                written.Append(Uri.HexEscape(c));
            else
                written.Append(c);
        }

        return written.ToString();
    }

    private static string? CheckWeb(string text, out string url)
    {
        url = "";
        if (text.Any(char.IsWhiteSpace) || !Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0
            || !text.Contains("://", StringComparison.Ordinal))
            return Wrong(text, "http://host/path or https://host/path, without spaces");

        // The node compares the scheme letter by letter.
        url = uri.Scheme + text[uri.Scheme.Length..];
        return null;
    }

    private static string? ResolveFile(string text, string rest, string baseDirectory, out string url)
    {
        url = "";
        if (rest.AsSpan().IndexOfAny('?', '#') >= 0)
            return Wrong(text, "a path only: write %3F for a question mark and %23 for a hash");
        if (!TryPath(rest, out var path))
            return Wrong(text, "file:./dir, file:dir or file:///dir: a host's name is not possible");
        if (!TryDecode(path, out var decoded))
            return Wrong(text, "percent-encoded UTF-8 without %00 or %2F: write %25 for a percent sign");

        var full = Path.GetFullPath(Path.Combine(baseDirectory, decoded));
        url = "file://" + (full.Length > 1 ? Path.TrimEndingDirectorySeparator(full) : full);
        return null;
    }

    private static bool TryPath(string rest, out string path)
    {
        path = rest;
        if (rest.StartsWith("//", StringComparison.Ordinal))
        {
            path = rest[2..];
            if (path.StartsWith("localhost/", StringComparison.OrdinalIgnoreCase))
                path = path["localhost".Length..];

            // file://./x and file://../x are what people write who take file:// for a prefix of any path.
            var first = path.Split('/')[0];
            return first is "." or ".." || path.StartsWith('/');
        }

        return path.Length > 0;
    }

    private static bool TryDecode(string path, out string decoded)
    {
        decoded = "";
        var bytes = new List<byte>(path.Length);
        var source = Encoding.UTF8.GetBytes(path);
        for (var i = 0; i < source.Length; i++)
        {
            if (source[i] != (byte)'%')
            {
                bytes.Add(source[i]);
                continue;
            }

            if (i + 2 >= source.Length || !Uri.IsHexDigit((char)source[i + 1]) || !Uri.IsHexDigit((char)source[i + 2]))
                return false;

            var value = (byte)((Uri.FromHex((char)source[i + 1]) << 4) | Uri.FromHex((char)source[i + 2]));
            if (value is < 0x20 or 0x7f or (byte)'/')
                return false;

            bytes.Add(value);
            i += 2;
        }

        var all = bytes.ToArray();
        if (!System.Text.Unicode.Utf8.IsValid(all))
            return false;

        decoded = Encoding.UTF8.GetString(all);
        return !decoded.Any(char.IsControl);
    }

    private static string Wrong(string text, string expected) => $"is {JsonText.Show(Mask(text))}, must be {expected}";

    // A password in a url must not get into a log by way of a message.
    private static string Mask(string text)
    {
        var at = text.LastIndexOf('@');
        var start = text.IndexOf("//", StringComparison.Ordinal);
        return at < 0 ? text : $"{text[..(start >= 0 && start < at ? start + 2 : 0)]}***{text[at..]}";
    }
}
