namespace NoslateFleet.Gateway.Fleet;

/// <summary>Instances that exist in the fleet directory only.</summary>
public sealed class SimulationOptions
{
    /// <summary>The configuration key.</summary>
    public const string Key = "Fleet:Simulate";

    /// <summary>The most instances.</summary>
    public const int MaxInstances = 10_000;

    /// <summary>
    /// How many. 0 to 10,000; default 0, none. They live: work comes and goes, some are frozen, drained or lost. For tests, demonstrations and the
    /// dashboard; only with the directory in this process.
    /// </summary>
    public int Instances { get; set; }
}
