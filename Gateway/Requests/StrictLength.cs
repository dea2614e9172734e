using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace NoslateFleet.Gateway.Requests;

/// <summary>
/// What tells where a request's body ends, without the leniency of the server: somebody before or behind it may count on another end.
/// </summary>
internal static class StrictLength
{
    private const string Chunked = "chunked";

    /// <summary>
    /// How the server reads a Content-Length. It hands the text to a parser for numbers, which passes over signs and NULs (RFC 9110, section 8.6: digits);
    /// what is not made of digits reads as a word here.
    /// </summary>
    public static Encoding Digits { get; } = new DigitsOnly();

    /// <summary>
    /// Whether the Transfer-Encoding of a request that has one says just that its body is chunked. Over HTTP/2 any is malformed (RFC 9113, section 8.2.2), and
    /// over HTTP/1.0 its framing is faulty (RFC 9112, section 6.1).
    /// </summary>
    public static bool IsChunked(IHttpRequestFeature request) =>
        request.Protocol.Equals("HTTP/1.1", StringComparison.Ordinal)
        && request.Headers.TransferEncoding is [{ } coding] && coding.Equals(Chunked, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether the body is in a further coding, which nobody here takes off again (RFC 9112, section 6.1: 501).</summary>
    public static bool IsUnknownCoding(IHttpRequestFeature request)
    {
        var codings = request.Headers.TransferEncoding;
        return codings.Count > 0 && request.Protocol.Equals("HTTP/1.1", StringComparison.Ordinal) && !IsChunked(request) && EndsChunkedOnce(codings);
    }

    // Chunked twice, or with nothing between two commas, is no coding but a puzzle.
    private static bool EndsChunkedOnce(StringValues codings)
    {
        var all = string.Join(',', codings!).Split(',', StringSplitOptions.TrimEntries);
        return all.Count(coding => coding.Equals(Chunked, StringComparison.OrdinalIgnoreCase)) == 1
            && all[^1].Equals(Chunked, StringComparison.OrdinalIgnoreCase)
            && !all.Contains("");
    }

    private sealed class DigitsOnly : Encoding
    {
        // The largest length that there can be, which the server's own buffer for it is made for.
        private const int Longest = 19;

        // No number in any parser.
        private const char NotDigits = 'x';

        public override int GetByteCount(char[] chars, int index, int count) => Latin1.GetByteCount(chars, index, count);

        public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
            Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

        public override int GetCharCount(byte[] bytes, int index, int count) => IsLength(bytes.AsSpan(index, count)) ? count : 1;

        public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
            GetChars(bytes.AsSpan(byteIndex, byteCount), chars.AsSpan(charIndex));

        public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
        {
            if (IsLength(bytes))
            {
                return Latin1.GetChars(bytes, chars);
            }

            chars[0] = NotDigits;
            return 1;
        }

        public override int GetMaxByteCount(int charCount) => Latin1.GetMaxByteCount(charCount);

        public override int GetMaxCharCount(int byteCount) => Math.Max(byteCount, 1);

        private static bool IsLength(ReadOnlySpan<byte> bytes) => bytes.Length is > 0 and <= Longest && !bytes.ContainsAnyExceptInRange((byte)'0', (byte)'9');
    }
}
