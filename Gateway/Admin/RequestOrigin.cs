using System.Net;
using Microsoft.AspNetCore.Http;

namespace NoslateFleet.Gateway.Admin;

/// <summary>What a browser tells of the page that makes it ask.</summary>
internal static class RequestOrigin
{
    /// <summary>Whether a page of another site asks: one that a developer happens to look at can make the browser call loopback.</summary>
    /// <param name="request">The request.</param>
    public static bool IsForeign(HttpRequest request)
    {
        if (request.Headers["Sec-Fetch-Site"] is [{ } site] && site is not ("same-origin" or "none"))
        {
            return true;
        }

        return request.Headers.Origin is [{ } origin] && origin != $"{request.Scheme}://{request.Host}";
    }

    /// <summary>
    /// Whether the request names what can't be anybody's. A name can be made to lead to loopback by whoever owns it, and the browser then takes their page
    /// for ours.
    /// </summary>
    /// <param name="host">The name that the request gives.</param>
    public static bool IsLocalName(HostString host) => host.Host is "localhost" or "" || IPAddress.TryParse(host.Host, out _);
}
