namespace NoslateFleet.Gateway.Configuration;

/// <summary>
/// What a client on the platform port may ask of the gateway before it is turned away by the server itself. The rates count only time in which the
/// gateway waits for the client: for bytes of a request body it could pass on at once, or for the client to take bytes of the response.
/// </summary>
public sealed class LimitOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Limits";

    /// <summary>
    /// Time from a request's first byte to the end of its headers; 408 beyond. Default 30 s, as Kestrel's; in FunctionCompute a day, because the server counts
    /// the time in which the instance was frozen, and a head that came in two halves around it is the first request after the thaw.
    /// </summary>
    public TimeSpan RequestHeadersTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Least average rate of a request body whose length the client has told, in bytes a second; 408 below, once <see cref="RateGracePeriod"/> is
    /// over. Default 240, as Kestrel's; null: none. A body of untold length may be a conversation, which stands still for good
    /// reasons: it is bound by the deadline before the response head and by Forwarding:IdleTimeout after it.
    /// </summary>
    public int? MinRequestBodyRate { get; set; } = 240;

    /// <summary>
    /// Least rate at which a client takes the response, in bytes a second; the connection is cut below. Default 240, as Kestrel's; null: none.
    /// It counts from when the gateway has bytes that the client does not take: a response without any runs no risk.
    /// </summary>
    public int? MinResponseRate { get; set; } = 240;

    /// <summary>How long both rates may be fallen short of. Default 5 s, as Kestrel's.</summary>
    public TimeSpan RateGracePeriod { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Largest request line (method, target, version) in bytes, 414 beyond. Default 8 KiB; Function Compute itself lets 4 KiB of target pass.</summary>
    public int MaxRequestLineBytes { get; set; } = 8 * 1024;

    /// <summary>Largest request headers together in bytes, 431 beyond. Default 32 KiB; Function Compute itself lets 8 KiB pass.</summary>
    public int MaxRequestHeaderBytes { get; set; } = 32 * 1024;

    /// <summary>Most request headers, 431 beyond. Default 100.</summary>
    public int MaxRequestHeaders { get; set; } = 100;
}
