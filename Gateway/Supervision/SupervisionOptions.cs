namespace NoslateFleet.Gateway.Supervision;

/// <summary>Whether and how this process runs the Noslate node beside it. The keys stand in the section Node.</summary>
public sealed class SupervisionOptions
{
    /// <summary>Whether turfd, the data plane and the control plane are started and kept running by this process. Default false: somebody else does.</summary>
    public bool Supervise { get; set; }

    /// <summary>Program and arguments of turfd; empty for none, where the planes need none. Default <c>NOSLATE_BIN/turf -D -f</c>.</summary>
    public IReadOnlyList<string> TurfdCommand { get; set; } = [];

    /// <summary>Turfd's socket; it is waited for, and one that answers at start is adopted. Default <c>TURF_WORKDIR/turf.sock</c>.</summary>
    public string TurfdSocket { get; set; } = "";

    /// <summary>Program and arguments of the data plane. Default <c>node NOSLATE_BIN/data_plane</c>.</summary>
    public IReadOnlyList<string> DataPlaneCommand { get; set; } = [];

    /// <summary>Program and arguments of the control plane. Default <c>node NOSLATE_BIN/control_plane</c>.</summary>
    public IReadOnlyList<string> ControlPlaneCommand { get; set; } = [];

    /// <summary>What the children get as their environment, and nothing else.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; set; } = new Dictionary<string, string>();

    /// <summary>How long a child may take from its start until its socket answers; then it is killed, which counts as a death. Default 30 s.</summary>
    public TimeSpan StartTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Pause before the first restart; doubles with each further death within <see cref="DeathWindow"/>. Default 100 ms.</summary>
    public TimeSpan RestartMin { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest pause before a restart. Default 10 s.</summary>
    public TimeSpan RestartMax { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>So many deaths of one child within <see cref="DeathWindow"/>, and the process gives up and ends. Default 6.</summary>
    public int MaxDeaths { get; set; } = 6;

    /// <summary>How far back deaths count. Default 1 min.</summary>
    public TimeSpan DeathWindow { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Time in which all children are stopped, at the end of a stop and within its budget. Default 3 s.</summary>
    public TimeSpan StopGrace { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Longest line of a child's output, in bytes; the rest of a longer one is cut off. Default 4096.</summary>
    public int MaxLineBytes { get; set; } = 4096;

    /// <summary>How many of a child's last lines go to the flight recorder when it dies. Default 20.</summary>
    public int LastLines { get; set; } = 20;
}
