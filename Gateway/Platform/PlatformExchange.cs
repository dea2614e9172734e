using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Platform;

/// <summary>
/// One request on the platform port and its response. Kestrel keeps it with the connection (or the HTTP/2 stream) and it is used again for the next
/// request there, so that a request costs no context of its own.
/// </summary>
internal sealed class PlatformExchange(TrackedConnection? connection)
{
    private IHttpRequestFeature? _request;
    private IHttpResponseFeature? _response;
    private IPAddress? _peer;
    private string? _peerText;
    private AdmissionResult _admitted;
    private volatile bool _inFlight;

    /// <summary>The connection that it belongs to for good; null if nobody keeps it in view.</summary>
    public TrackedConnection? Connection => connection;

    public IFeatureCollection Features { get; private set; } = null!;

    public IHttpRequestFeature Request => _request!;

    public IHttpResponseFeature Response => _response!;

    public IHttpResponseBodyFeature ResponseBody { get; private set; } = null!;

    public IHttpRequestLifetimeFeature Lifetime { get; private set; } = null!;

    public CancellationToken Aborted { get; private set; }

    public string RequestId { get; set; } = "";

    public string Method => Request.Method;

    public bool IsHead => Method.Equals("HEAD", StringComparison.Ordinal);

    public bool IsHttp1 => Request.Protocol.StartsWith("HTTP/1", StringComparison.Ordinal);

    /// <summary>In FunctionCompute: true for the platform's event call, whose caller gets only the body.</summary>
    public bool IsEventCall { get; set; }

    /// <summary>When the request came, as a timestamp of the TimeProvider.</summary>
    public long StartedAt { get; private set; }

    /// <summary>How the invocation ended, once known.</summary>
    public Outcome Outcome { get; set; }

    /// <summary>Whether the fleet's publisher knows that it ends.</summary>
    public bool IsEnding { get; set; }

    /// <summary>Why the gateway answered in the function's place, or cut the answer; null if it did not.</summary>
    public string? Reason { get; set; }

    /// <summary>Whether the function ran, as far as is known.</summary>
    public Executed Executed { get; set; }

    /// <summary>When it was accepted, as <see cref="StartedAt"/>; 0 before.</summary>
    public long AcceptedAt { get; private set; }

    /// <summary>The instance's epoch in which it was accepted; 0 if it was not.</summary>
    public long Epoch { get; private set; }

    /// <summary>When the response's head came from the node, as <see cref="StartedAt"/>; 0 before.</summary>
    public long HeadAt { get; set; }

    /// <summary>Bytes of the function's response body so far.</summary>
    public long Bytes { get; set; }

    /// <summary>Whether its ticket was abandoned by a stop.</summary>
    public bool IsCut { get; private set; }

    /// <summary>The function's or service's name; empty before routing.</summary>
    public string Target { get; set; } = "";

    public Activity? Activity { get; set; }

    /// <summary>The peer's address; an IPv4 address is never shown in its IPv6 form.</summary>
    public IPAddress? Peer => _peer;

    /// <summary>The peer's address as text.</summary>
    public string? PeerText => _peerText;

    /// <summary>Keeps what an accepted invocation is ended with.</summary>
    /// <param name="admitted">What it was accepted with.</param>
    /// <param name="at">When.</param>
    public void Accepted(in AdmissionResult admitted, long at)
    {
        AcceptedAt = at;
        Epoch = admitted.Ticket.Epoch;
        _admitted = admitted;
        _inFlight = true;
    }

    /// <summary>Ends the accepted invocation, if there is one.</summary>
    /// <returns>Whether there was.</returns>
    public bool End(IInvocationGate gate, Outcome outcome)
    {
        if (!_inFlight)
        {
            return false;
        }

        _inFlight = false;
        gate.End(_admitted, outcome);
        _admitted = default;
        return true;
    }

    /// <summary>Cuts the invocation in flight, if there is one: its ticket was abandoned. From any thread.</summary>
    public void Cut()
    {
        if (_inFlight)
        {
            IsCut = true;
            Lifetime.Abort();
        }
    }

    public void Begin(IFeatureCollection features, long startedAt)
    {
        Features = features;
        _request = features.GetRequiredFeature<IHttpRequestFeature>();
        _response = features.GetRequiredFeature<IHttpResponseFeature>();
        ResponseBody = features.GetRequiredFeature<IHttpResponseBodyFeature>();
        Lifetime = features.GetRequiredFeature<IHttpRequestLifetimeFeature>();
        Aborted = Lifetime.RequestAborted;
        StartedAt = startedAt;
        RequestId = "";
        Target = "";
        IsEventCall = false;
        _admitted = default;
        Outcome = Outcome.Failed;
        IsEnding = false;
        Reason = null;
        Executed = Executed.Never;
        AcceptedAt = 0;
        Epoch = 0;
        HeadAt = 0;
        Bytes = 0;
        IsCut = false;
        Activity = null;
        var remote = features.Get<IHttpConnectionFeature>()?.RemoteIpAddress;
        if (!ReferenceEquals(remote, _peer) && !Equals(remote, _peer))
        {
            _peer = remote is { IsIPv4MappedToIPv6: true } ? remote.MapToIPv4() : remote;
            _peerText = _peer?.ToString();
        }
    }
}
