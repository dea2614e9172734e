namespace NoslateFleet.Noslate.Node;

/// <summary>Where a node is and how it is spoken to.</summary>
public sealed class NodeOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Node";

    /// <summary>The node's working directory; its sockets are in <c>socks</c> below it. Default: NOSLATED_WORKDIR, which the host fills in. Required.</summary>
    public string Workdir { get; set; } = "";

    /// <summary>How many data planes there are: sockets dp-0 to dp-(n-1). Default 1, as Noslate's own NOSLATED_DATA_PLANE_COUNT.</summary>
    public int DataPlanes { get; set; } = 1;

    /// <summary>How many control planes there are: sockets cp-0 to cp-(n-1). Default 1, as Noslate's own NOSLATED_CONTROL_PLANE_COUNT.</summary>
    public int ControlPlanes { get; set; } = 1;

    /// <summary>Pause before the first reconnect; it doubles with each failure, with jitter, up to <see cref="ReconnectMax"/>. Default 100 ms.</summary>
    public TimeSpan ReconnectMin { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest pause between two tries to connect. Default 1 s: a try on a unix socket costs next to nothing, and every cold start waits for the planes.</summary>
    public TimeSpan ReconnectMax { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Time for one call to the control plane or for stats. Default 5 s; setting profiles has its own, longer.</summary>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Time for setting profiles: the control plane answers only when workers have stopped and code is fetched. Default 60 s.</summary>
    public TimeSpan SetProfilesTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long after a data plane has connected it may still not know functions and services that it is to have: a call that it refuses for that is
    /// tried again within its deadline. Default 15 s: a data plane was seen to get its profiles 5 to 11 s after its start. Zero: never.
    /// </summary>
    public TimeSpan ResyncWindow { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Whether a call waits, within its deadline, while no data plane is connected, for one to come back. Default false: it fails at once. True suits a
    /// node that somebody starts again.
    /// </summary>
    public bool Hold { get; set; }
}
