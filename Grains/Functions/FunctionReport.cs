using NoslateFleet.Coordination.Functions;
using Orleans;

namespace NoslateFleet.Grains.Functions;

/// <summary>A function on an instance, as its grain tells.</summary>
[GenerateSerializer]
[Immutable]
[Alias("noslatefleet.function.report")]
public sealed record FunctionReport
{
    /// <summary>The instance's id.</summary>
    [Id(0)]
    public required string InstanceId { get; init; }

    /// <summary>The function's or service's name.</summary>
    [Id(1)]
    public required string Function { get; init; }

    /// <summary>Whether its invocations are refused, on its own.</summary>
    [Id(2)]
    public bool Draining { get; init; }

    /// <summary>Its open tickets.</summary>
    [Id(3)]
    public int InFlight { get; init; }

    /// <summary>Its temperature, workers and counters; null if the instance knows nothing of it.</summary>
    [Id(4)]
    public FunctionStatus? Status { get; init; }
}
