namespace NoslateFleet.Emulator.Node;

/// <summary>How one emulated node runs. Defaults are those of a real node unless said otherwise.</summary>
public sealed class EmulatorOptions
{
    /// <summary>
    /// The directory of the node: sockets in <c>socks</c>, logs in <c>logs</c>. Required. Keep it short: a socket's path may have 107 bytes.
    /// </summary>
    public required string Workdir { get; init; }

    /// <summary>The <c>node</c> program, a path or a name to look up in PATH. Default <c>node</c>; 18 or later.</summary>
    public string NodePath { get; init; } = "node";

    /// <summary>The directory of the workers' logs (<c>workers/NAME/stdout.log</c>, <c>stderr.log</c>). Default <c>WORKDIR/logs</c>.</summary>
    public string? LogDir { get; init; }

    /// <summary>How many data plane sockets there are (<c>dp-0.sock</c> and on), 1 to 16. All share one set of workers. Default 1.</summary>
    public int DataPlaneCount { get; init; } = 1;

    /// <summary>How many control plane sockets there are (<c>cp-0.sock</c> and on), 1 to 16. Default 1.</summary>
    public int ControlPlaneCount { get; init; } = 1;

    /// <summary>
    /// How long after a restart of the data plane the control plane hands it the function profiles; until then calls are answered
    /// "No function named ...". Default 0.5 s; a real node takes several seconds.
    /// </summary>
    public TimeSpan ProfileSyncDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Whether a client that reads slowly slows the function down. Default true, which bounds memory; false is what a real
    /// node does: it buffers without bound.
    /// </summary>
    public bool BackPressure { get; init; } = true;

    /// <summary>How often the control plane looks at the workers' load. Default 10 s.</summary>
    public TimeSpan ScaleInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a worker that is told to stop may take before it is killed. Default 3 s.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a worker without new traffic may take to finish what it has. Default 30 s.</summary>
    public TimeSpan CloseTrafficTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Memory that workers may claim together, in bytes, by their profiles' memory limits. Default 0: the machine's
    /// (a real node's default is 1 GiB, room for two workers of the default 512 MiB).
    /// </summary>
    public long VirtualMemoryPoolBytes { get; init; }

    /// <summary>Whether load opens the circuit breaker as on a real node. Default false: a development machine is often busy.</summary>
    public bool CircuitBreaker { get; init; }

    /// <summary>The one-minute load average above which the breaker opens. Default 10.</summary>
    public double BreakerLoadLimit { get; init; } = 10;

    /// <summary>Active plus queued requests above which the breaker opens. Default 10000.</summary>
    public int BreakerRequestLimit { get; init; } = 10000;

    /// <summary>Queued requests above which the breaker opens. Default 1000.</summary>
    public int BreakerPendingLimit { get; init; } = 1000;

    /// <summary>
    /// Whether calls of the function <c>echo</c> (not of a service) are answered by the data plane itself, without a worker or a profile: 200
    /// and the request's body as it comes. For measuring a client of the node alone; Node.js may be missing then. Default false.
    /// </summary>
    public bool BuiltInEcho { get; init; }

    internal IReadOnlyList<string> Validate()
    {
        List<string> errors = [];
        if (string.IsNullOrWhiteSpace(Workdir))
            errors.Add("Workdir is empty: name the node's directory");
        if (string.IsNullOrWhiteSpace(NodePath))
            errors.Add("NodePath is empty: name the node program");
        if (DataPlaneCount is < 1 or > 16)
            errors.Add($"DataPlaneCount is {DataPlaneCount}: use 1 to 16");
        if (ControlPlaneCount is < 1 or > 16)
            errors.Add($"ControlPlaneCount is {ControlPlaneCount}: use 1 to 16");
        Positive(errors, nameof(ScaleInterval), ScaleInterval);
        Positive(errors, nameof(StopGrace), StopGrace);
        Positive(errors, nameof(CloseTrafficTimeout), CloseTrafficTimeout);
        if (ProfileSyncDelay < TimeSpan.Zero)
            errors.Add($"ProfileSyncDelay is {ProfileSyncDelay}: use zero or more");
        if (VirtualMemoryPoolBytes < 0)
            errors.Add($"VirtualMemoryPoolBytes is {VirtualMemoryPoolBytes}: use zero (the machine's) or more");
        if (BreakerLoadLimit <= 0 || BreakerRequestLimit <= 0 || BreakerPendingLimit <= 0)
            errors.Add("the limits of the breaker must be above zero");
        return errors;
    }

    private static void Positive(List<string> errors, string name, TimeSpan value)
    {
        if (value <= TimeSpan.Zero || value > TimeSpan.FromDays(1))
            errors.Add($"{name} is {value}: use more than zero and at most a day");
    }
}
