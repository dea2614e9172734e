using NoslateFleet.Coordination.Lifecycle;
using Orleans;

namespace NoslateFleet.Grains.Instances;

/// <summary>A drain of an instance.</summary>
[GenerateSerializer]
[Immutable]
[Alias("noslatefleet.instance.drain")]
public sealed record DrainReport
{
    /// <summary>Whether it has ended.</summary>
    [Id(0)]
    public bool Ended { get; init; }

    /// <summary>Its receipt; while it has not ended, what it has done so far, with verdict Forced.</summary>
    [Id(1)]
    public required Receipt Receipt { get; init; }
}
