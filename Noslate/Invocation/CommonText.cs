using System.Text;

namespace NoslateFleet.Noslate.Invocation;

/// <summary>Turns header bytes into strings, without a new string for those seen in nearly every response.</summary>
internal static class CommonText
{
    // Per length, so that a look-up compares a few candidates only.
    private static readonly string[][] ByLength = Index(
    [
        "0", "1", "*", "br", "age", "ETag", "Date", "Vary", "date", "etag", "vary", "gzip", "true", "close", "false", "server", "Server",
        "chunked", "location", "Location", "no-cache", "no-store", "timing-allow-origin", "set-cookie", "Set-Cookie", "text/html",
        "text/plain", "connection", "Connection", "keep-alive", "Keep-Alive", "content-type", "Content-Type", "x-request-id",
        "X-Request-Id", "cache-control", "Cache-Control", "last-modified", "Last-Modified", "accept-ranges", "x-powered-by",
        "X-Powered-By", "content-length", "Content-Length", "Accept-Encoding", "content-encoding", "Content-Encoding",
        "application/json", "transfer-encoding", "Transfer-Encoding", "max-age=0", "text/html; charset=utf-8",
        "text/plain; charset=utf-8", "text/html;charset=utf-8", "application/octet-stream", "application/json; charset=utf-8",
        "application/json;charset=utf-8", "access-control-allow-origin", "Access-Control-Allow-Origin", "access-control-allow-headers",
        "access-control-allow-methods", "access-control-allow-credentials", "access-control-expose-headers", "content-disposition",
        "x-content-type-options", "nosniff", "strict-transport-security", "text/event-stream", "image/png", "image/jpeg",
    ]);

    /// <summary>Decodes UTF-8; what is no UTF-8 becomes U+FFFD.</summary>
    public static string Decode(ReadOnlySpan<byte> utf8)
    {
        if (utf8.IsEmpty)
        {
            return "";
        }

        if (utf8.Length < ByLength.Length)
        {
            foreach (string candidate in ByLength[utf8.Length])
            {
                if (Ascii.Equals(utf8, candidate))
                {
                    return candidate;
                }
            }
        }

        return Encoding.UTF8.GetString(utf8);
    }

    private static string[][] Index(string[] texts)
    {
        var index = new string[texts.Max(text => text.Length) + 1][];
        for (int length = 0; length < index.Length; length++)
        {
            index[length] = [.. texts.Where(text => text.Length == length)];
        }

        return index;
    }
}
