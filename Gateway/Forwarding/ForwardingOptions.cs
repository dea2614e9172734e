using System.Net;

namespace NoslateFleet.Gateway.Forwarding;

/// <summary>Deadlines, header rules and limits of the forwarding.</summary>
public sealed class ForwardingOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Forwarding";

    /// <summary>Time to the response head. Default 60 s. In FunctionCompute the platform's own x-fc-function-timeout, less <see cref="TimeoutMargin"/>, takes its place.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long before the platform's own limit ours ends, so that our answer leaves first. Default 500 ms. FunctionCompute only.</summary>
    public TimeSpan TimeoutMargin { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a body may pass no byte, either way, before the request is ended. Default 60 s; null: no limit.</summary>
    public TimeSpan? IdleTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>The x-fc-* headers that reach the function, in FunctionCompute. Default x-fc-request-id. Credentials can't be named.</summary>
    public IReadOnlyList<string> AllowHeaders { get; set; } = ["x-fc-request-id"];

    /// <summary>Networks of proxies whose x-forwarded-proto and x-forwarded-host are kept. Default none; in FunctionCompute they always are.</summary>
    public IReadOnlyList<IPNetwork> ProxyNetworks { get; set; } = [];

    /// <summary>Largest request body in bytes, 413 beyond. Default 32 MiB in FunctionCompute (the platform's own limit), none elsewhere.</summary>
    public long? MaxRequestBodyBytes { get; set; }

    /// <summary>Largest response head (names, values, four bytes each line) in bytes; more is 502. Default 8 KiB in FunctionCompute (the platform's own limit), 32 KiB elsewhere.</summary>
    public int MaxResponseHeaderBytes { get; set; } = 32 * 1024;
}
