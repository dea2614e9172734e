namespace NoslateFleet.Gateway.Admin;

/// <summary>The admin port: health and inspection.</summary>
public sealed class AdminOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Admin";

    /// <summary>The address to listen on. Default 127.0.0.1. Off loopback a token is required.</summary>
    public string Address { get; set; } = "127.0.0.1";

    /// <summary>The port. Default 9001. 0 takes a free one.</summary>
    public int Port { get; set; } = 9001;

    /// <summary>
    /// The bearer token with which one may do everything. Default none. /healthz and /readyz never need it. All else needs it off loopback, and in FunctionCompute and Kubernetes on
    /// loopback as well, because the functions' code shares the network; without a token all else is not served there.
    /// </summary>
    public string? Token { get; set; }

    /// <summary>Further tokens, each with a role. All hold at once; default none.</summary>
    internal IReadOnlyList<AdminToken> Tokens { get; set; } = [];

    /// <summary>Streams of /api/fleet/events that may be open at once. Default 64; 0: none.</summary>
    public int MaxListeners { get; set; } = 64;

    /// <summary>Whether /metrics needs no token. Default false.</summary>
    public bool OpenMetrics { get; set; }
}
