using System.Net;
using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Platform;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>A reader of the dashboard.</summary>
/// <param name="Principal">Who it is.</param>
/// <param name="SessionId">The session; empty where none is needed.</param>
internal sealed record DashboardReader(AdminPrincipal Principal, string SessionId)
{
    public bool MayOperate => Principal.Role == AdminRole.Operate;
}

/// <summary>Who may see the dashboard, and who may act on it. By the same rules as the rest of the admin port, but for browsers.</summary>
internal sealed class DashboardAccess(DashboardSessions sessions, IAdminAuthenticator authenticator, TokenFailures failures, PlatformOptions platform)
{
    /// <summary>The session's cookie.</summary>
    public const string CookieName = "noslatefleet-session";

    private const string Scheme = "Bearer ";

    private readonly bool _sharedNetwork = platform.Mode != PlatformMode.Open;

    /// <summary>Whether anybody can get in from there at all.</summary>
    /// <param name="context">The request.</param>
    public bool IsServed(HttpContext context) => authenticator.HasTokens || IsTrusted(context);

    /// <summary>Who asks; null for somebody who has to sign in.</summary>
    /// <param name="context">The request.</param>
    public DashboardReader? Find(HttpContext context)
    {
        if (context.Request.Cookies[CookieName] is { Length: > 0 and < 200 } id && sessions.Find(id) is { } signedIn)
        {
            return new DashboardReader(signedIn, id);
        }

        if (Token(context.Request) is { } token && authenticator.Authenticate(token) is { } bearer)
        {
            return new DashboardReader(bearer, "");
        }

        return IsTrusted(context) ? new DashboardReader(new AdminPrincipal("loopback", AdminRole.Operate), "") : null;
    }

    /// <summary>Counts a request that nobody was found for, if it bears a token: one that opens nothing is one, whichever door it is tried at.</summary>
    /// <param name="context">The request.</param>
    /// <returns>Zero if it may be told so; else how long its peer has to wait.</returns>
    public TimeSpan Failed(HttpContext context) => Token(context.Request) is null ? TimeSpan.Zero : failures.Failed(context.Connection.RemoteIpAddress);

    /// <summary>Whether a form came from a page of ours.</summary>
    /// <param name="context">The request.</param>
    /// <param name="sessionId">The reader's session.</param>
    /// <param name="token">The token that the form brought.</param>
    public bool IsOurs(HttpContext context, string sessionId, string? token) => !RequestOrigin.IsForeign(context.Request) && sessions.IsFormToken(sessionId, token);

    private static string? Token(HttpRequest request) =>
        request.Headers.Authorization is [{ } value] && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? value[Scheme.Length..].Trim() : null;

    private bool IsTrusted(HttpContext context) =>
        !_sharedNetwork
        && context.Connection.RemoteIpAddress is { } peer
        && IPAddress.IsLoopback(peer)
        && RequestOrigin.IsLocalName(context.Request.Host);
}
