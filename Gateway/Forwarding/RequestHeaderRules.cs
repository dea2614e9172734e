using System.Buffers;
using System.Collections.Frozen;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Requests;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Forwarding;

/// <summary>Which request headers a function sees, and as what.</summary>
internal sealed class RequestHeaderRules
{
    private const string ControlPrefix = "x-noslate-";

    private enum Rule
    {
        /// <summary>Not passed on as it came; some are written anew by <see cref="Write"/>.</summary>
        Drop,
        Cookie,
    }

    private static readonly FrozenDictionary<string, Rule> _rules = new Dictionary<string, Rule>(StringComparer.OrdinalIgnoreCase)
    {
        ["connection"] = Rule.Drop,
        ["keep-alive"] = Rule.Drop,
        ["proxy-authenticate"] = Rule.Drop,
        ["proxy-authorization"] = Rule.Drop,
        ["proxy-connection"] = Rule.Drop,
        ["te"] = Rule.Drop,
        ["trailer"] = Rule.Drop,
        ["transfer-encoding"] = Rule.Drop,
        ["upgrade"] = Rule.Drop,
        ["http2-settings"] = Rule.Drop,
        // Answered by this server already.
        ["expect"] = Rule.Drop,
        [Routing.TargetHeader.Dispatch] = Rule.Drop,
        [RequestIds.Header] = Rule.Drop,
        ["x-forwarded-for"] = Rule.Drop,
        ["x-forwarded-proto"] = Rule.Drop,
        ["x-forwarded-host"] = Rule.Drop,
        ["traceparent"] = Rule.Drop,
        ["tracestate"] = Rule.Drop,
        ["cookie"] = Rule.Cookie,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    private static readonly SearchValues<char> _token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private readonly bool _functionCompute;
    private readonly FrozenSet<string> _allowed;
    private readonly IReadOnlyList<IPNetwork> _proxies;

    public RequestHeaderRules(ForwardingOptions options, PlatformMode mode)
    {
        _functionCompute = mode == PlatformMode.FunctionCompute;
        _allowed = (_functionCompute ? options.AllowHeaders : []).ToFrozenSet(StringComparer.OrdinalIgnoreCase);
        _proxies = options.ProxyNetworks;
    }

    /// <summary>Writes what the function shall see of a request's headers.</summary>
    /// <param name="headers">The headers as received.</param>
    /// <param name="peer">The peer's address; null on a transport without one.</param>
    /// <param name="peerText">The same as text.</param>
    /// <param name="requestId">The request's id.</param>
    /// <param name="traceparent">The trace context to pass on; null for none.</param>
    /// <param name="tracestate">Its state; null for none.</param>
    /// <param name="request">Where they go.</param>
    /// <returns>False if a name is none (RFC 9110, section 5.6.2), which Kestrel lets pass over HTTP/1.1: the request must not be forwarded.</returns>
    public bool Write(
        IHeaderDictionary headers,
        IPAddress? peer,
        string? peerText,
        string requestId,
        string? traceparent,
        string? tracestate,
        InvocationRequest request)
    {
        var named = HopByHop.Named(headers.Connection);
        foreach (var (name, values) in headers)
        {
            if (name.AsSpan().ContainsAnyExcept(_token))
            {
                return false;
            }

            if (named is not null && named.Contains(name))
            {
                continue;
            }

            if (_rules.TryGetValue(name, out var rule))
            {
                if (rule == Rule.Cookie)
                {
                    // HTTP/2 may split cookies over several lines; HTTP/1.1 code expects one (RFC 9113, section 8.2.3).
                    request.AddHeader("cookie", values.Count == 1 ? values[0] ?? "" : string.Join("; ", values.ToArray()));
                }

                continue;
            }

            if (IsHidden(name))
            {
                continue;
            }

            foreach (var value in values)
            {
                request.AddHeader(name, value ?? "");
            }
        }

        WriteForwarded(headers, peer, peerText, request);
        request.AddHeader(RequestIds.Header, requestId);
        if (traceparent is not null)
        {
            request.AddHeader("traceparent", traceparent);
            if (tracestate is not null)
            {
                request.AddHeader("tracestate", tracestate);
            }
        }

        return true;
    }

    private bool IsHidden(string name)
    {
        if (name.Length < 5 || (name[0] | 0x20) != 'x' || name[1] != '-')
        {
            return false;
        }

        return name.StartsWith(PlatformHeaders.Prefix, StringComparison.OrdinalIgnoreCase)
            ? !_allowed.Contains(name)
            : name.StartsWith(ControlPrefix, StringComparison.OrdinalIgnoreCase);
    }

    private void WriteForwarded(IHeaderDictionary headers, IPAddress? peer, string? peerText, InvocationRequest request)
    {
        var chain = headers["x-forwarded-for"];
        if (chain.Count > 0)
        {
            var joined = chain.Count == 1 ? chain[0] ?? "" : string.Join(", ", chain.ToArray());
            request.AddHeader("x-forwarded-for", peerText is null ? joined : joined.Length == 0 ? peerText : string.Concat(joined, ", ", peerText));
        }
        else if (peerText is not null)
        {
            request.AddHeader("x-forwarded-for", peerText);
        }

        var trusted = _functionCompute || IsProxy(peer);
        Keep(headers["x-forwarded-proto"], trusted, "x-forwarded-proto", "http", request);
        Keep(headers["x-forwarded-host"], trusted, "x-forwarded-host", headers.Host.ToString(), request);
    }

    private bool IsProxy(IPAddress? peer)
    {
        if (peer is null)
        {
            return false;
        }

        foreach (var network in _proxies)
        {
            if (network.Contains(peer))
            {
                return true;
            }
        }

        return false;
    }

    private static void Keep(StringValues received, bool trusted, string name, string ours, InvocationRequest request)
    {
        if (!trusted || received.Count == 0)
        {
            request.AddHeader(name, ours);
            return;
        }

        foreach (var value in received)
        {
            request.AddHeader(name, value ?? "");
        }
    }
}
