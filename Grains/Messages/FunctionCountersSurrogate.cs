using NoslateFleet.Coordination.Invocations;
using Orleans;

namespace NoslateFleet.Grains.Messages;

/// <summary>A function's counters on the wire.</summary>
[GenerateSerializer]
[Immutable]
[Alias("noslatefleet.function.counters")]
internal struct FunctionCountersSurrogate
{
    [Id(0)]
    public string? Name;

    [Id(1)]
    public long Accepted;

    [Id(2)]
    public long Completed;

    [Id(3)]
    public long Failed;

    [Id(4)]
    public long Cancelled;

    [Id(5)]
    public long Abandoned;

    [Id(6)]
    public int InFlight;

    [Id(7)]
    public TimeSpan? MeanServiceTime;

    [Id(8)]
    public long ColdStarts;

    [Id(9)]
    public long ColdStartsAvoided;

    [Id(10)]
    public long Refused;
}

[RegisterConverter]
internal sealed class FunctionCountersConverter : IConverter<FunctionCounters, FunctionCountersSurrogate>
{
    public FunctionCounters ConvertFromSurrogate(in FunctionCountersSurrogate surrogate) =>
        new(
            surrogate.Name ?? "",
            surrogate.Accepted,
            surrogate.Completed,
            surrogate.Failed,
            surrogate.Cancelled,
            surrogate.Abandoned,
            surrogate.InFlight,
            surrogate.MeanServiceTime,
            surrogate.ColdStarts,
            surrogate.ColdStartsAvoided)
        {
            Refused = surrogate.Refused,
        };

    public FunctionCountersSurrogate ConvertToSurrogate(in FunctionCounters value) => new()
    {
        Name = value.Name,
        Accepted = value.Accepted,
        Completed = value.Completed,
        Failed = value.Failed,
        Cancelled = value.Cancelled,
        Abandoned = value.Abandoned,
        InFlight = value.InFlight,
        MeanServiceTime = value.MeanServiceTime,
        ColdStarts = value.ColdStarts,
        ColdStartsAvoided = value.ColdStartsAvoided,
        Refused = value.Refused,
    };
}
