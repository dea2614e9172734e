using System.Buffers;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace NoslateFleet.Gateway.Requests;

/// <summary>The id of a request: the platform's, the caller's if it is fit to be shown, or a new one.</summary>
internal static class RequestIds
{
    public const string Header = "x-request-id";
    private const int MaxLength = 128;
    private const int Bytes = 16;

    /// <summary>How many new ids one call of the system gives the bytes for: at one each they took a fiftieth of a small invocation's processor time.</summary>
    private const int Batch = 64;

    private static readonly SearchValues<char> _allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    [ThreadStatic]
    private static byte[]? _random;

    [ThreadStatic]
    private static int _left;

    /// <summary>The id of a request.</summary>
    /// <param name="headers">The request's headers.</param>
    /// <param name="believePlatform">Whether x-fc-request-id is believed.</param>
    public static string Of(IHeaderDictionary headers, bool believePlatform)
    {
        if (believePlatform && headers[PlatformHeaders.RequestId] is [{ } platform] && IsFit(platform))
        {
            return platform;
        }

        return headers[Header] is [{ } callers] && IsFit(callers) ? callers : New();
    }

    private static string New()
    {
        var random = _random ??= new byte[Batch * Bytes];
        if (_left == 0)
        {
            RandomNumberGenerator.Fill(random);
            _left = Batch;
        }

        return Convert.ToHexStringLower(random, --_left * Bytes, Bytes);
    }

    private static bool IsFit(string id) => id.Length is > 0 and <= MaxLength && !id.AsSpan().ContainsAnyExcept(_allowed);
}
