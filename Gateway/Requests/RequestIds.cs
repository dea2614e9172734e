using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace NoslateFleet.Gateway.Requests;

/// <summary>The id of a request: the platform's, the caller's if it is fit to be shown, or a new one.</summary>
internal static class RequestIds
{
    public const string Header = "x-request-id";
    private const int MaxLength = 128;

    private static readonly SearchValues<char> _allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>The id of a request.</summary>
    /// <param name="headers">The request's headers.</param>
    /// <param name="believePlatform">Whether x-fc-request-id is believed.</param>
    public static string Of(IHeaderDictionary headers, bool believePlatform)
    {
        if (believePlatform && headers[PlatformHeaders.RequestId] is [{ } platform] && IsFit(platform))
        {
            return platform;
        }

        return headers[Header] is [{ } callers] && IsFit(callers) ? callers : Guid.NewGuid().ToString("N");
    }

    private static bool IsFit(string id) => id.Length is > 0 and <= MaxLength && !id.AsSpan().ContainsAnyExcept(_allowed);
}
