using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace NoslateFleet.Gateway.Requests;

/// <summary>Finds what Kestrel lets pass although two readers could understand it differently.</summary>
internal static class StrictRequest
{
    /// <summary>
    /// Kestrel 10 reads a request with both lengths as chunked and moves its Content-Length here. Nobody else has a use for the name, so that a client
    /// that sends it itself, with a body of untold length, is refused as well.
    /// </summary>
    private const string DisplacedLength = "X-Content-Length";

    // What a line-based reader takes for an end: CR, LF and NUL (RFC 9113, section 8.2.1). Over HTTP/1.1 the parser ends there itself.
    private static readonly SearchValues<char> _lineEnds = SearchValues.Create("\0\r\n");

    private static readonly SearchValues<char> _controls = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(c => (char)c), '\u007f']);

    /// <summary>Whether the request must not be passed on.</summary>
    public static bool IsAmbiguous(IHttpRequestFeature request)
    {
        var headers = request.Headers;
        if (headers.TransferEncoding.Count > 0 && (headers.ContainsKey(DisplacedLength) || !StrictLength.IsChunked(request)))
        {
            return true;
        }

        // Kestrel refuses NUL in a target and nothing else, not even a bare CR.
        return request.RawTarget.AsSpan().ContainsAny(_controls)
            || (IsHttp2(request) && HasLineEnd(headers));
    }

    private static bool IsHttp2(IHttpRequestFeature request) => request.Protocol.Equals("HTTP/2", StringComparison.Ordinal);

    private static bool HasLineEnd(IHeaderDictionary headers)
    {
        foreach (var (_, values) in headers)
        {
            foreach (var value in values)
            {
                if (value.AsSpan().ContainsAny(_lineEnds))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
