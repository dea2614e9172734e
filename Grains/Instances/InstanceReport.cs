using NoslateFleet.Coordination.Lifecycle;
using Orleans;

namespace NoslateFleet.Grains.Instances;

/// <summary>An instance, as its grain tells.</summary>
[GenerateSerializer]
[Immutable]
[Alias("noslatefleet.instance.report")]
public sealed record InstanceReport
{
    /// <summary>Its id.</summary>
    [Id(0)]
    public required string InstanceId { get; init; }

    /// <summary>Its process's random id.</summary>
    [Id(1)]
    public required string Boot { get; init; }

    /// <summary>Its phase and life.</summary>
    [Id(2)]
    public required InstanceState State { get; init; }

    /// <summary>Its open tickets.</summary>
    [Id(3)]
    public int InFlight { get; init; }

    /// <summary>What its last freeze or stop did; null before the first.</summary>
    [Id(4)]
    public Receipt? LastReceipt { get; init; }
}
