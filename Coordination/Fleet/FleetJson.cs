using System.Text.Json;
using NoslateFleet.Coordination.Fleet.Wire;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// Orders, their results, profiles and records as they are stored, by the same rules as <see cref="SnapshotJson"/>: JSON in UTF-8 with a schema
/// number, whole milliseconds, unknown fields passed over, and no reader that throws.
/// </summary>
public static class FleetJson
{
    /// <summary>Writes an order.</summary>
    /// <param name="order">The order.</param>
    public static byte[] Write(FleetOrder order) => JsonSerializer.SerializeToUtf8Bytes(
        new OrderMessage
        {
            Schema = InstanceSnapshot.CurrentSchema,
            Id = order.Id,
            InstanceId = order.InstanceId,
            ContainerLife = order.ContainerLife,
            Kind = order.Kind,
            By = order.By,
            PlacedAt = order.PlacedAt.ToUnixTimeMilliseconds(),
            ExpiresAt = order.ExpiresAt.ToUnixTimeMilliseconds(),
        },
        WireJson.Compact.OrderMessage);

    /// <summary>Reads an order. One of a kind that only a newer version knows is <see cref="FleetOrderKind.Unknown"/>.</summary>
    /// <param name="utf8">What was stored.</param>
    /// <param name="order">The order; null if it could not be read.</param>
    public static FleetReading Read(ReadOnlySpan<byte> utf8, out FleetOrder? order)
    {
        var message = WireJson.Parse(utf8, WireJson.Compact.OrderMessage);
        if (message is not { Id.Length: > 0, InstanceId.Length: > 0, Schema: > 0 })
        {
            order = null;
            return WireJson.Lacking(message?.Schema);
        }

        order = new FleetOrder(
            message.Id,
            message.InstanceId,
            message.ContainerLife,
            message.Kind ?? FleetOrderKind.Unknown,
            message.By ?? "",
            WireJson.Time(message.PlacedAt),
            WireJson.Time(message.ExpiresAt));
        return FleetReading.Read;
    }

    /// <summary>Writes an order's result.</summary>
    /// <param name="result">The result.</param>
    public static byte[] Write(FleetOrderResult result) => JsonSerializer.SerializeToUtf8Bytes(
        new OrderResultMessage
        {
            Schema = InstanceSnapshot.CurrentSchema,
            OrderId = result.OrderId,
            InstanceId = result.InstanceId,
            Boot = result.Boot,
            Epoch = result.Epoch,
            At = result.At.ToUnixTimeMilliseconds(),
            Outcome = result.Outcome,
            Detail = result.Detail.Length > SnapshotBounds.MaxText ? result.Detail[..SnapshotBounds.MaxText] : result.Detail,
            Receipt = result.ReceiptJson is { Length: > SnapshotBounds.MaxReceipt } ? null : result.ReceiptJson,
        },
        WireJson.Compact.OrderResultMessage);

    /// <summary>Reads an order's result. An outcome that only a newer version knows reads as Failed.</summary>
    /// <param name="utf8">What was stored.</param>
    /// <param name="result">The result; null if it could not be read.</param>
    public static FleetReading Read(ReadOnlySpan<byte> utf8, out FleetOrderResult? result)
    {
        var message = WireJson.Parse(utf8, WireJson.Compact.OrderResultMessage);
        if (message is not { OrderId.Length: > 0, InstanceId.Length: > 0, Schema: > 0 })
        {
            result = null;
            return WireJson.Lacking(message?.Schema);
        }

        result = new FleetOrderResult(
            message.OrderId,
            message.InstanceId,
            message.Boot ?? "",
            message.Epoch,
            WireJson.Time(message.At),
            message.Outcome ?? FleetOrderOutcome.Failed,
            message.Detail ?? "",
            message.Receipt);
        return FleetReading.Read;
    }

    /// <summary>Writes a version of the fleet's profiles.</summary>
    /// <param name="profile">The version.</param>
    public static byte[] Write(FleetProfile profile) => JsonSerializer.SerializeToUtf8Bytes(
        new ProfileMessage
        {
            Schema = InstanceSnapshot.CurrentSchema,
            Version = profile.Version,
            Json = profile.Json,
            By = profile.By,
            At = profile.At.ToUnixTimeMilliseconds(),
            RolledBackTo = profile.RolledBackTo,
        },
        WireJson.Compact.ProfileMessage);

    /// <summary>Reads a version of the fleet's profiles.</summary>
    /// <param name="utf8">What was stored.</param>
    /// <param name="profile">The version; null if it could not be read.</param>
    public static FleetReading Read(ReadOnlySpan<byte> utf8, out FleetProfile? profile)
    {
        var message = WireJson.Parse(utf8, WireJson.Compact.ProfileMessage);
        if (message is not { Version: > 0, Schema: > 0 })
        {
            profile = null;
            return WireJson.Lacking(message?.Schema);
        }

        profile = new FleetProfile(message.Version, message.Json, message.By ?? "", WireJson.Time(message.At), message.RolledBackTo);
        return FleetReading.Read;
    }

    /// <summary>Writes a receipt or recorder event.</summary>
    /// <param name="record">The record.</param>
    public static byte[] Write(InstanceRecord record) => JsonSerializer.SerializeToUtf8Bytes(
        new RecordMessage
        {
            Schema = InstanceSnapshot.CurrentSchema,
            Kind = record.Kind,
            Boot = record.Boot,
            Epoch = record.Epoch,
            At = record.At.ToUnixTimeMilliseconds(),
            Json = record.Json,
        },
        WireJson.Compact.RecordMessage);

    /// <summary>Reads a receipt or recorder event. One of a kind that only a newer version knows is of an unknown schema.</summary>
    /// <param name="utf8">What was stored.</param>
    /// <param name="record">The record; null if it could not be read.</param>
    public static FleetReading Read(ReadOnlySpan<byte> utf8, out InstanceRecord? record)
    {
        var message = WireJson.Parse(utf8, WireJson.Compact.RecordMessage);
        if (message is not { Boot.Length: > 0, Json: not null, Schema: > 0 })
        {
            record = null;
            return WireJson.Lacking(message?.Schema);
        }

        if (message.Kind is not { } kind)
        {
            record = null;
            return FleetReading.UnknownSchema;
        }

        record = new InstanceRecord(kind, message.Boot, message.Epoch, WireJson.Time(message.At), message.Json);
        return FleetReading.Read;
    }
}
