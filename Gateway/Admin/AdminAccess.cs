using System.Net;
using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Dashboard;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Problems;

namespace NoslateFleet.Gateway.Admin;

/// <summary>Who may ask the admin port for what.</summary>
internal sealed class AdminAccess
{
    private const string Scheme = "Bearer ";

    private readonly IAdminAuthenticator _tokens;
    private readonly TokenFailures _failures;
    private readonly bool _openMetrics;
    private readonly bool _sharedNetwork;

    public AdminAccess(AdminOptions options, PlatformOptions platform, IAdminAuthenticator tokens, TokenFailures failures)
    {
        _tokens = tokens;
        _failures = failures;
        _openMetrics = options.OpenMetrics;
        _sharedNetwork = platform.Mode != PlatformMode.Open;
    }

    /// <summary>Why a request is not served; null if it is.</summary>
    /// <param name="request">The request, its endpoint found.</param>
    /// <param name="peer">The connection's peer.</param>
    public Problem? Refuse(HttpRequest request, IPAddress? peer)
    {
        // The dashboard has a door of its own: browsers sign in, and what it serves without that tells nothing.
        if (IsOpen(request.Path)
            || request.Path.Equals(DashboardPages.Door, StringComparison.Ordinal)
            || request.Path.StartsWithSegments(DashboardPages.Root, StringComparison.Ordinal))
        {
            return null;
        }

        var trusted = !_sharedNetwork && peer is not null && IPAddress.IsLoopback(peer);
        if (!_tokens.HasTokens)
        {
            return trusted ? RefuseForeign(request) : ProblemTable.NoToken;
        }

        if (Token(request) is { } token)
        {
            // Whoever shows a token goes by it, also where none is needed. The right one is found before any limit is looked at: a stranger behind the
            // same address can't lock its bearer out.
            return _tokens.Authenticate(token) is not { } principal ? Failed(peer)
                : principal.Role >= Needed(request) ? null
                : ProblemTable.Forbidden;
        }

        return trusted ? RefuseForeign(request) : ProblemTable.Unauthorized;
    }

    private Problem Failed(IPAddress? peer)
    {
        var wait = _failures.Failed(peer);
        return wait <= TimeSpan.Zero
            ? ProblemTable.Unauthorized
            : ProblemTable.TooManyFailures with { RetryAfterSeconds = (int)Math.Ceiling(wait.TotalSeconds) };
    }

    private bool IsOpen(PathString path) =>
        path.Equals("/healthz", StringComparison.Ordinal)
        || path.Equals("/readyz", StringComparison.Ordinal)
        || (_openMetrics && path.Equals("/metrics", StringComparison.Ordinal));

    // By the endpoint that routing found, not by the path: a path has many spellings.
    private static AdminRole Needed(HttpRequest request) =>
        request.HttpContext.GetEndpoint()?.Metadata.GetMetadata<NeedsRole>() is { } needs ? needs.Role
        : HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) ? AdminRole.Read
        : AdminRole.Operate;

    private static Problem? RefuseForeign(HttpRequest request) =>
        RequestOrigin.IsForeign(request) || !RequestOrigin.IsLocalName(request.Host) ? ProblemTable.ForeignOrigin : null;

    private static string? Token(HttpRequest request) =>
        request.Headers.Authorization is [{ } value] && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? value[Scheme.Length..].Trim() : null;
}

/// <summary>On an endpoint: the role that it needs, where its method does not tell.</summary>
/// <param name="Role">The role.</param>
internal sealed record NeedsRole(AdminRole Role);
