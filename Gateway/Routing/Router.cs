using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Requests;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Routing;

/// <summary>Decides which function or service a request is for: header, then path, then route table, then default.</summary>
internal sealed class Router
{
    private readonly RoutingOptions _options;
    private readonly FrozenSet<string>? _allow;

    public Router(RoutingOptions options)
    {
        _options = options;
        _allow = options.Allow?.ToFrozenSet(StringComparer.Ordinal);
    }

    public RouteDecision Decide(string method, string pathAndQuery, IHeaderDictionary headers)
    {
        if (_options.ByHeader)
        {
            var values = headers[TargetHeader.Target];
            if (values.Count == 0)
            {
                values = headers[TargetHeader.Dispatch];
            }

            if (values.Count > 0)
            {
                return values.Count == 1 && TargetHeader.TryParse(values[0] ?? "", out var named)
                    ? Chosen(named!, pathAndQuery)
                    : RouteDecision.Malformed;
            }
        }

        if (_options.ByPath && RawTarget.TrySplitInvoke(pathAndQuery, out var name, out var rest))
        {
            return Chosen(new RouteTarget(InvocationTarget.Function, name), rest);
        }

        if (_options.Routes.Count > 0 && FromTable(method, pathAndQuery, headers.Host.ToString()) is { } rule)
        {
            return new RouteDecision(RouteOutcome.Found, rule.Target, pathAndQuery, rule);
        }

        return _options.Default is { } target ? new RouteDecision(RouteOutcome.Found, target, pathAndQuery, null) : RouteDecision.None;
    }

    private RouteDecision Chosen(RouteTarget target, string url) =>
        _allow is null || _allow.Contains(target.Name) ? new RouteDecision(RouteOutcome.Found, target, url, null) : RouteDecision.None;

    private RouteRule? FromTable(string method, string pathAndQuery, string host)
    {
        var path = RawTarget.DecodedPath(pathAndQuery);
        foreach (var rule in _options.Routes)
        {
            if (MatchesHost(rule.Host, host) && MatchesPath(rule.PathPrefix, path) && MatchesMethod(rule.Methods, method))
            {
                return rule;
            }
        }

        return null;
    }

    private static bool MatchesHost(string? pattern, string host)
    {
        if (pattern is null)
        {
            return true;
        }

        var name = host.AsSpan();
        if (name.LastIndexOf(':') is var colon and >= 0 && name.LastIndexOf(']') < colon)
        {
            name = name[..colon];
        }

        return pattern[0] == '*'
            ? name.Length >= pattern.Length && name.EndsWith(pattern.AsSpan(1), StringComparison.OrdinalIgnoreCase)
            : name.Equals(pattern, StringComparison.OrdinalIgnoreCase);
    }

    private static bool MatchesPath(string? prefix, string? path)
    {
        if (prefix is null)
        {
            return true;
        }

        return path is not null && path.StartsWith(prefix, StringComparison.Ordinal)
            && (prefix[^1] == '/' || path.Length == prefix.Length || path[prefix.Length] == '/');
    }

    private static bool MatchesMethod(IReadOnlyList<string>? methods, string method)
    {
        if (methods is null || methods.Count == 0)
        {
            return true;
        }

        foreach (var candidate in methods)
        {
            if (candidate.Equals(method, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
