using System.Net;
using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Requests;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>
/// Decides which request on the platform port is the platform's own lifecycle call. An outsider reaches any path through an HTTP trigger, and
/// the functions' code shares the container: neither may freeze or stop the instance.
/// </summary>
internal sealed class PlatformTrust(PlatformOptions options)
{
    // By these a proxy tells for whom it asks.
    private static readonly string[] _passedOn = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via"];

    /// <summary>The hook that a request calls; none for ordinary traffic.</summary>
    /// <param name="method">The method.</param>
    /// <param name="rawTarget">The request line's target, as sent.</param>
    /// <param name="headers">The headers.</param>
    /// <param name="peer">The connection's peer.</param>
    public Hook Recognise(string method, string rawTarget, IHeaderDictionary headers, IPAddress? peer)
    {
        var hook = HookPaths.Of(method, rawTarget);
        if (hook == Hook.None)
        {
            return Hook.None;
        }

        return options.Mode switch
        {
            PlatformMode.FunctionCompute when BearsMarks(hook, headers) && IsOutside(peer) => hook,
            PlatformMode.Open when peer is not null && IPAddress.IsLoopback(peer) && IsAskedHere(headers) => hook,
            _ => Hook.None,
        };
    }

    /// <summary>
    /// Whether a header of the platform is there twice: the platform sends each once, so one of them is somebody else's.
    /// </summary>
    public static bool HasDoubledMark(IHeaderDictionary headers)
    {
        foreach (var (name, values) in headers)
        {
            if (values.Count > 1 && name.StartsWith(PlatformHeaders.Prefix, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    // The control path is documented for /initialize, /invoke and /http-invoke; that of the other two hooks is not, so its absence is taken for them.
    private static bool BearsMarks(Hook hook, IHeaderDictionary headers)
    {
        if (headers[PlatformHeaders.RequestId] is not [{ Length: > 0 }])
        {
            return false;
        }

        var control = headers[PlatformHeaders.ControlPath];
        return control.Count == 0 ? hook != Hook.Initialize : control is [{ } path] && path == HookPaths.Of(hook);
    }

    /// <summary>
    /// Whether somebody on this machine asks, and not a page of another site through its browser, nor an outsider through a proxy beside us.
    /// </summary>
    private static bool IsAskedHere(IHeaderDictionary headers)
    {
        if (RequestOrigin.IsForeign(headers) || !RequestOrigin.IsLocalName(new HostString(headers.Host.ToString())))
        {
            return false;
        }

        foreach (var name in _passedOn)
        {
            if (headers.ContainsKey(name))
            {
                return false;
            }
        }

        return true;
    }

    private bool IsOutside(IPAddress? peer) =>
        (peer is not null && options.HookPeers.Contains(peer)) || !LocalAddresses.IsOwn(peer);
}
