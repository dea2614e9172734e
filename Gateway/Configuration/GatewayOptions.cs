using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Dashboard;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Gateway.Forwarding;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Routing;
using NoslateFleet.Gateway.Supervision;
using NoslateFleet.Gateway.Telemetry;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Configuration;

/// <summary>Everything that can be configured, validated.</summary>
public sealed class GatewayOptions
{
    /// <summary>The platform port.</summary>
    public PlatformOptions Platform { get; } = new();

    /// <summary>The admin port.</summary>
    public AdminOptions Admin { get; } = new();

    /// <summary>The instance's life.</summary>
    public LifecycleOptions Lifecycle { get; } = new();

    /// <summary>How many invocations at a time.</summary>
    public AdmissionOptions Admission { get; } = new();

    /// <summary>What the fleet is told of this instance.</summary>
    public FleetOptions Fleet { get; } = new();

    /// <summary>Which request goes to which function.</summary>
    public RoutingOptions Routing { get; } = new();

    /// <summary>Deadlines, headers, limits.</summary>
    public ForwardingOptions Forwarding { get; } = new();

    /// <summary>Limits of the platform port's server.</summary>
    public LimitOptions Limits { get; } = new();

    /// <summary>Where the profiles come from.</summary>
    public FunctionsOptions Functions { get; } = new();

    /// <summary>The Noslate node.</summary>
    public NodeOptions Node { get; } = new();

    /// <summary>The dashboard.</summary>
    public DashboardOptions Dashboard { get; } = new();

    /// <summary>Metrics, traces, request log.</summary>
    public TelemetryOptions Telemetry { get; } = new();

    /// <summary>Whether and how the node is run by this process.</summary>
    public SupervisionOptions Supervision { get; } = new();

    /// <summary>Simulated instances.</summary>
    public SimulationOptions Simulation { get; } = new();

    /// <summary>Keys that were set in our sections and mean nothing: most likely misspelled.</summary>
    public IReadOnlyList<string> UnknownKeys { get; internal set; } = [];
}
