using NoslateFleet.Coordination.Admission;
using Orleans;

namespace NoslateFleet.Grains.Messages;

/// <summary>A ticket's id on the wire.</summary>
[GenerateSerializer]
[Immutable]
[Alias("noslatefleet.ticket-id")]
internal struct TicketIdSurrogate
{
    [Id(0)]
    public long Desk;

    [Id(1)]
    public long Number;
}

[RegisterConverter]
internal sealed class TicketIdConverter : IConverter<TicketId, TicketIdSurrogate>
{
    public TicketId ConvertFromSurrogate(in TicketIdSurrogate surrogate) =>
        new(surrogate.Desk, surrogate.Number);

    public TicketIdSurrogate ConvertToSurrogate(in TicketId value) => new()
    {
        Desk = value.Desk,
        Number = value.Number,
    };
}
