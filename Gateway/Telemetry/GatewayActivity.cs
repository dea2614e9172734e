using System.Diagnostics;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>The gateway's traces.</summary>
internal static class GatewayActivity
{
    /// <summary>The name of an invocation's activity.</summary>
    public const string Invocation = "noslate.invocation";

    public static readonly ActivitySource Source = new("NoslateFleet.Gateway");
}
