using NoslateFleet.Coordination.Lifecycle;
using Orleans;

namespace NoslateFleet.Grains.Messages;

/// <summary>A hook's step on the wire.</summary>
[GenerateSerializer]
[Immutable]
[Alias("noslatefleet.receipt.step")]
internal struct StepTimeSurrogate
{
    [Id(0)]
    public string? Step;

    [Id(1)]
    public double Ms;

    [Id(2)]
    public string? Outcome;
}

[RegisterConverter]
internal sealed class StepTimeConverter : IConverter<StepTime, StepTimeSurrogate>
{
    public StepTime ConvertFromSurrogate(in StepTimeSurrogate surrogate) =>
        new(surrogate.Step ?? "", surrogate.Ms, surrogate.Outcome ?? "");

    public StepTimeSurrogate ConvertToSurrogate(in StepTime value) => new()
    {
        Step = value.Step,
        Ms = value.Ms,
        Outcome = value.Outcome,
    };
}
