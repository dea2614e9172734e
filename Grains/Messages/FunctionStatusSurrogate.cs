using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using Orleans;

namespace NoslateFleet.Grains.Messages;

/// <summary>A function's status on the wire.</summary>
[GenerateSerializer]
[Immutable]
[Alias("noslatefleet.function.status")]
internal struct FunctionStatusSurrogate
{
    [Id(0)]
    public string? Name;

    [Id(1)]
    public FunctionTemperature? Temperature;

    [Id(2)]
    public WorkerFact[]? Workers;

    [Id(3)]
    public FunctionCounters? Counters;

    [Id(4)]
    public DateTimeOffset? AsOf;
}

[RegisterConverter]
internal sealed class FunctionStatusConverter : IConverter<FunctionStatus, FunctionStatusSurrogate>
{
    public FunctionStatus ConvertFromSurrogate(in FunctionStatusSurrogate surrogate) =>
        new(
            surrogate.Name ?? "",
            surrogate.Temperature,
            surrogate.Workers ?? [],
            surrogate.Counters ?? new FunctionCounters(surrogate.Name ?? "", 0, 0, 0, 0, 0, 0, null, 0, 0),
            surrogate.AsOf);

    public FunctionStatusSurrogate ConvertToSurrogate(in FunctionStatus value) => new()
    {
        Name = value.Name,
        Temperature = value.Temperature,
        Workers = [.. value.Workers],
        Counters = value.Counters,
        AsOf = value.AsOf,
    };
}
