using System.Net;
using Microsoft.AspNetCore.Http;

namespace NoslateFleet.Gateway.Admin;

/// <summary>What a browser tells of the page that makes it ask.</summary>
internal static class RequestOrigin
{
    /// <summary>Whether a page of another site asks: one that a developer happens to look at can make the browser call loopback.</summary>
    /// <param name="request">The request.</param>
    public static bool IsForeign(HttpRequest request) => IsForeign(request.Headers);

    /// <summary>The same, by a request's headers.</summary>
    /// <param name="headers">The headers.</param>
    public static bool IsForeign(IHeaderDictionary headers)
    {
        // It knows best: what is one site to it need not look so here, behind a proxy that ends TLS.
        if (headers["Sec-Fetch-Site"] is [{ } site])
        {
            return site is not ("same-origin" or "none");
        }

        // Older ones, and those without TLS, tell no more than the origin. Its scheme is the browser's, which a proxy may have taken off.
        return headers.Origin is [{ } origin] && origin != "http://" + headers.Host && origin != "https://" + headers.Host;
    }

    /// <summary>Whether the browser that asks does so over TLS, as far as this end can tell; a proxy may have ended it.</summary>
    /// <param name="request">The request, of a form of ours.</param>
    public static bool IsSecure(HttpRequest request) =>
        request.IsHttps || request.Headers.Origin is [{ } origin] && origin.StartsWith("https://", StringComparison.Ordinal);

    /// <summary>
    /// Whether the request names what can't be anybody's. A name can be made to lead to loopback by whoever owns it, and the browser then takes their page
    /// for ours.
    /// </summary>
    /// <param name="host">The name that the request gives.</param>
    public static bool IsLocalName(HostString host) => host.Host is "localhost" or "" || IPAddress.TryParse(host.Host, out _);
}
