using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Dashboard;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Problems;

namespace NoslateFleet.Gateway.Admin;

/// <summary>Who may ask the admin port for what.</summary>
internal sealed class AdminAccess
{
    private const string Scheme = "Bearer ";

    private readonly byte[]? _tokenHash;
    private readonly bool _openMetrics;
    private readonly bool _sharedNetwork;

    public AdminAccess(AdminOptions options, PlatformOptions platform)
    {
        _tokenHash = options.Token is { } token ? SHA256.HashData(Encoding.UTF8.GetBytes(token)) : null;
        _openMetrics = options.OpenMetrics;
        _sharedNetwork = platform.Mode != PlatformMode.Open;
    }

    /// <summary>Why a request is not served; null if it is.</summary>
    /// <param name="request">The request.</param>
    /// <param name="peer">The connection's peer.</param>
    public Problem? Refuse(HttpRequest request, IPAddress? peer)
    {
        // The dashboard has a door of its own: browsers sign in, and what it serves without that tells nothing.
        if (IsOpen(request.Path) || request.Path.StartsWithSegments(DashboardPages.Root, StringComparison.Ordinal))
        {
            return null;
        }

        var trusted = !_sharedNetwork && peer is not null && IPAddress.IsLoopback(peer);
        if (!trusted)
        {
            return _tokenHash is null ? ProblemTable.NoToken : BearsToken(request) ? null : ProblemTable.Unauthorized;
        }

        return IsForeign(request) && !BearsToken(request) ? ProblemTable.ForeignOrigin : null;
    }

    private bool IsOpen(PathString path) =>
        path.Equals("/healthz", StringComparison.Ordinal)
        || path.Equals("/readyz", StringComparison.Ordinal)
        || (_openMetrics && path.Equals("/metrics", StringComparison.Ordinal));

    // Hashes of one length, compared in constant time: neither content nor length can be felt out.
    private bool BearsToken(HttpRequest request) =>
        _tokenHash is not null
        && request.Headers.Authorization is [{ } value]
        && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
        && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(value[Scheme.Length..].Trim())), _tokenHash);

    // A page that a developer happens to look at can make the browser call loopback; the browser says so.
    private static bool IsForeign(HttpRequest request)
    {
        if (request.Headers["Sec-Fetch-Site"] is [{ } site] && site is not ("same-origin" or "none"))
        {
            return true;
        }

        return request.Headers.Origin is [{ } origin] && origin != $"{request.Scheme}://{request.Host}";
    }
}
