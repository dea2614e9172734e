using System.Net;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Supervision;
using NoslateFleet.Silo.Redis;

namespace NoslateFleet.Silo.Configuration;

/// <summary>How the instance's silo is run. Section <c>Silo</c>.</summary>
internal sealed class SiloSettings
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Silo";

    /// <summary>
    /// How the instance belongs to a fleet. Default: Mesh in Kubernetes where Redis is configured, else Island. Standalone: no silo at all.
    /// </summary>
    public FleetTopology Topology { get; set; }

    /// <summary>The instance, which is the silo's name.</summary>
    public string InstanceId { get; set; } = "";

    /// <summary>The fleet's name: Orleans' ServiceId. Letters, digits, <c>-</c>, <c>_</c> and <c>.</c>; default <c>noslatefleet</c>.</summary>
    public string Fleet { get; set; } = "noslatefleet";

    /// <summary>Mesh: the cluster's name. Silos of one find each other. As <see cref="Fleet"/>, which is the default.</summary>
    public string Cluster { get; set; } = "noslatefleet";

    /// <summary>
    /// Mesh: the address under which other silos reach this one; default POD_IP. Island: always loopback.
    /// </summary>
    public IPAddress Address { get; set; } = IPAddress.Loopback;

    /// <summary>
    /// The port for other silos. Mesh: default 11111. Island: default 0, any free port of loopback, another at each start: nobody is served there.
    /// </summary>
    public int Port { get; set; }

    /// <summary>Mesh: the port for Orleans clients, such as the command <c>order</c>; 0: none. Default 30000. Island: there is none.</summary>
    public int ClientPort { get; set; }

    /// <summary>Where the cluster's table is kept in a Mesh: the server of the fleet directory. Section <c>Redis</c>.</summary>
    public RedisOptions Redis { get; set; } = new();

    /// <summary>
    /// Mesh: how often silos probe each other, and how long an answer may take. 100 ms to 1 minute; default 2 s: with two probes missed a frozen silo
    /// is evicted after 4.7 s, measured; Orleans' own defaults take 65 s.
    /// </summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Mesh: missed probes until a silo is suspected. 1 to 100; default 2.</summary>
    public int MissedProbes { get; set; } = 2;

    /// <summary>
    /// Mesh: whether a silo that can't reach others holds its vote back, as Orleans does by default. Default false: measured, it keeps
    /// newcomers out for a minute while one silo is frozen.
    /// </summary>
    public bool LivenessCheck { get; set; }

    /// <summary>Mesh: how long opening a connection to another silo may take. 100 ms to 1 minute; default 1 s.</summary>
    public TimeSpan OpenConnectionTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a grain call may take. 1 s to 10 minutes; default 10 s. Raise it where processors are throttled.</summary>
    public TimeSpan ResponseTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Mesh: how often the silo looks whether its own row is still in Redis. 100 ms to 1 hour; default 5 s.</summary>
    public TimeSpan RowCheckInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the silo may take to leave at the process's end. 0 to 5 s, which the host allows beyond the stop budget; default 3 s.</summary>
    public TimeSpan LeaveTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Mesh: how silos prove to each other who they are; null: in clear text.</summary>
    public SiloTls? Tls { get; set; }

    /// <summary>The pace of restarts. Section <c>Silo:Supervision</c>.</summary>
    public SupervisorOptions Supervision { get; } = new();

    /// <summary>Keys that were set in the section and mean nothing.</summary>
    public IReadOnlyList<string> UnknownKeys { get; set; } = [];
}

/// <summary>Mutual TLS between silos. All three files are PEM.</summary>
/// <param name="Certificate">The silo's certificate, with its intermediates.</param>
/// <param name="Key">Its private key.</param>
/// <param name="Authority">The authorities one of which must have signed the other side's certificate.</param>
internal sealed record SiloTls(string Certificate, string Key, string Authority);
