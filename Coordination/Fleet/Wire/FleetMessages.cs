using System.Text.Json.Serialization;

namespace NoslateFleet.Coordination.Fleet.Wire;

/// <summary>An order as it is stored.</summary>
internal sealed class OrderMessage
{
    public int Schema { get; set; }

    public string? Id { get; set; }

    public string? InstanceId { get; set; }

    public string? ContainerLife { get; set; }

    [JsonConverter(typeof(EnumNames<FleetOrderKind>))]
    public FleetOrderKind? Kind { get; set; }

    public string? By { get; set; }

    public long PlacedAt { get; set; }

    public long ExpiresAt { get; set; }
}

/// <summary>An order's result as it is stored.</summary>
internal sealed class OrderResultMessage
{
    public int Schema { get; set; }

    public string? OrderId { get; set; }

    public string? InstanceId { get; set; }

    public string? Boot { get; set; }

    public long Epoch { get; set; }

    public long At { get; set; }

    [JsonConverter(typeof(EnumNames<FleetOrderOutcome>))]
    public FleetOrderOutcome? Outcome { get; set; }

    public string? Detail { get; set; }

    public string? Receipt { get; set; }
}

/// <summary>A version of the fleet's profiles as it is stored.</summary>
internal sealed class ProfileMessage
{
    public int Schema { get; set; }

    public long Version { get; set; }

    public string? Json { get; set; }

    public string? By { get; set; }

    public long At { get; set; }

    public long? RolledBackTo { get; set; }
}

/// <summary>A receipt or recorder event as it is stored.</summary>
internal sealed class RecordMessage
{
    public int Schema { get; set; }

    [JsonConverter(typeof(EnumNames<RecordKind>))]
    public RecordKind? Kind { get; set; }

    public string? Boot { get; set; }

    public long Epoch { get; set; }

    public long At { get; set; }

    public string? Json { get; set; }
}
