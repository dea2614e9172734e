using System.Diagnostics;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>The gateway's traces.</summary>
internal static class GatewayActivity
{
    /// <summary>The name of an invocation's activity.</summary>
    public const string Invocation = "noslate.invocation";

    /// <summary>The name of the activity below it: the call to the data plane, from sending it to the end of its answer.</summary>
    public const string Forward = "noslate.forward";

    public static readonly ActivitySource Source = new("NoslateFleet.Gateway");
}
