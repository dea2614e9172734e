using System.Net;
using BenchmarkDotNet.Attributes;
using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Forwarding;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Requests;
using NoslateFleet.Gateway.Routing;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Bench.Micro;

/// <summary>What the gateway does with a request's head before anything is sent, and with a response's.</summary>
public class HeaderBenchmarks
{
    private readonly HeaderDictionary _request = new()
    {
        ["Host"] = "example.com",
        ["User-Agent"] = "bench/1.0",
        ["Accept"] = "*/*",
        ["Accept-Encoding"] = "gzip, br",
        ["Cookie"] = "a=b; c=d",
        ["Content-Type"] = "application/octet-stream",
        ["Content-Length"] = "1024",
    };

    private readonly KeyValuePair<string, string>[] _answer = [new("content-type", "application/octet-stream"), new("cache-control", "no-cache")];
    private readonly HeaderDictionary _response = [];
    private readonly RequestHeaderRules _requestRules = new(new ForwardingOptions(), PlatformMode.Open);
    private readonly ResponseHeaderRules _responseRules = new(new ForwardingOptions(), PlatformMode.Open);
    private readonly Router _router = new(new RoutingOptions
    {
        Routes =
        [
            new RouteRule("*.example.org", null, null, new RouteTarget(InvocationTarget.Function, "a"), null, new IdleLimit(true, null)),
            new RouteRule(null, "/api", null, new RouteTarget(InvocationTarget.Function, "b"), null, new IdleLimit(true, null)),
        ],
    });

    [Benchmark]
    public object Route() => _router.Decide("POST", "/api/echo?x=1", _request).Target!;

    [Benchmark]
    public string NewRequestId() => RequestIds.Of(_request, believePlatform: false);

    [Benchmark]
    public void RequestHeaders()
    {
        using var request = InvocationRequest.Rent("echo", "POST", "/api/echo", "0123456789abcdef0123456789abcdef");
        _requestRules.Write(_request, IPAddress.Loopback, "127.0.0.1", "0123456789abcdef0123456789abcdef", null, null, request);
    }

    [Benchmark]
    public string? ResponseHeaders()
    {
        _response.Clear();
        return _responseRules.Apply(200, _answer, _response);
    }
}
