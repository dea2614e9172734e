using NoslateFleet.Coordination.Lifecycle;
using Orleans;

namespace NoslateFleet.Grains.Messages;

/// <summary>An instance's phase and life on the wire.</summary>
[GenerateSerializer]
[Immutable]
[Alias("noslatefleet.instance.state")]
internal struct InstanceStateSurrogate
{
    [Id(0)]
    public InstancePhase Phase;

    [Id(1)]
    public long Epoch;

    [Id(2)]
    public bool Initialised;

    [Id(3)]
    public DateTimeOffset Since;
}

[RegisterConverter]
internal sealed class InstanceStateConverter : IConverter<InstanceState, InstanceStateSurrogate>
{
    public InstanceState ConvertFromSurrogate(in InstanceStateSurrogate surrogate) =>
        new(surrogate.Phase, surrogate.Epoch, surrogate.Initialised, surrogate.Since);

    public InstanceStateSurrogate ConvertToSurrogate(in InstanceState value) => new()
    {
        Phase = value.Phase,
        Epoch = value.Epoch,
        Initialised = value.Initialised,
        Since = value.Since,
    };
}
