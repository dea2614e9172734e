using NoslateFleet.Coordination.Lifecycle;
using Orleans;

namespace NoslateFleet.Grains.Messages;

/// <summary>A recorder's event on the wire.</summary>
[GenerateSerializer]
[Immutable]
[Alias("noslatefleet.flight-event")]
internal struct FlightEventSurrogate
{
    [Id(0)]
    public long Sequence;

    [Id(1)]
    public DateTimeOffset At;

    [Id(2)]
    public long Epoch;

    [Id(3)]
    public string? Kind;

    [Id(4)]
    public string? Detail;
}

[RegisterConverter]
internal sealed class FlightEventConverter : IConverter<FlightEvent, FlightEventSurrogate>
{
    public FlightEvent ConvertFromSurrogate(in FlightEventSurrogate surrogate) =>
        new(surrogate.Sequence, surrogate.At, surrogate.Epoch, surrogate.Kind ?? "", surrogate.Detail ?? "");

    public FlightEventSurrogate ConvertToSurrogate(in FlightEvent value) => new()
    {
        Sequence = value.Sequence,
        At = value.At,
        Epoch = value.Epoch,
        Kind = value.Kind,
        Detail = value.Detail,
    };
}
