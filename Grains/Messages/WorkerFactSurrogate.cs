using NoslateFleet.Coordination.Functions;
using Orleans;

namespace NoslateFleet.Grains.Messages;

/// <summary>A worker on the wire.</summary>
[GenerateSerializer]
[Immutable]
[Alias("noslatefleet.worker")]
internal struct WorkerFactSurrogate
{
    [Id(0)]
    public string? Name;

    [Id(1)]
    public WorkerState State;

    [Id(2)]
    public int ActiveRequests;

    [Id(3)]
    public int? MaxActiveRequests;
}

[RegisterConverter]
internal sealed class WorkerFactConverter : IConverter<WorkerFact, WorkerFactSurrogate>
{
    public WorkerFact ConvertFromSurrogate(in WorkerFactSurrogate surrogate) =>
        new(surrogate.Name ?? "", surrogate.State, surrogate.ActiveRequests, surrogate.MaxActiveRequests);

    public WorkerFactSurrogate ConvertToSurrogate(in WorkerFact value) => new()
    {
        Name = value.Name,
        State = value.State,
        ActiveRequests = value.ActiveRequests,
        MaxActiveRequests = value.MaxActiveRequests,
    };
}
