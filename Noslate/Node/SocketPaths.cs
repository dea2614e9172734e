namespace NoslateFleet.Noslate.Node;

/// <summary>Where a node's sockets are, as noslated names them.</summary>
internal static class SocketPaths
{
    public static string DataPlaneName(int index) => $"dp-{index}";

    public static string ControlPlaneName(int index) => $"cp-{index}";

    public static string Of(NodeOptions options, string plane) => Path.Combine(options.Workdir, "socks", plane + ".sock");

    public static string Longest(NodeOptions options) =>
        Of(options, DataPlaneName(Math.Max(Math.Max(options.DataPlanes, options.ControlPlanes) - 1, 0)));
}
