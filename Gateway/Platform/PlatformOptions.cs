namespace NoslateFleet.Gateway.Platform;

/// <summary>The platform port: where the platform's calls arrive.</summary>
public sealed class PlatformOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Platform";

    /// <summary>What calls the port. Default: FunctionCompute if FC_FUNCTION_NAME is set, Kubernetes if KUBERNETES_SERVICE_HOST is, else Open.</summary>
    public PlatformMode Mode { get; set; } = PlatformMode.Open;

    /// <summary>The address to listen on. Default 0.0.0.0, which Function Compute requires
    /// (https://help.aliyun.com/document_detail/2513509.html).</summary>
    public string Address { get; set; } = "0.0.0.0";

    /// <summary>The port. Default 9000, Function Compute's own default; FC_CUSTOM_LISTEN_PORT wins over it. 0 takes a free one.</summary>
    public int Port { get; set; } = 9000;

    /// <summary>
    /// A port of its own for HTTP/2 in clear text with prior knowledge: in clear text one port can't speak both. Default none; 0 takes a free one.
    /// </summary>
    public int? Http2Port { get; set; }

    /// <summary>
    /// Peers of this container or machine whose lifecycle calls count in FunctionCompute all the same: a platform emulator that calls from a loopback address
    /// of its own. Default none: the functions' code shares the network.
    /// </summary>
    public IReadOnlySet<System.Net.IPAddress> HookPeers { get; set; } = new HashSet<System.Net.IPAddress>();

    /// <summary>
    /// Whether the lines by which Function Compute's console cuts logs into requests are written to standard output. Default: true in FunctionCompute,
    /// else false.
    /// </summary>
    public bool LogMarkers { get; set; }

    /// <summary>A path that the gateway answers itself with 200, uncounted and without a function. Default none.</summary>
    public string? HealthPath { get; set; }
}
