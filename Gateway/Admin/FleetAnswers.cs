using System.Text.Json;
using System.Text.Json.Serialization;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Gateway.Admin;

/// <summary>Answer of /api/fleet: a page of instances, and counts of all.</summary>
/// <param name="AsOf">When the directory was read, by its clock.</param>
/// <param name="Total">Instances in the directory.</param>
/// <param name="Counts">How many there are of each standing.</param>
/// <param name="Unreadable">Instances whose entry can't be read.</param>
/// <param name="Instances">The page, by instance id.</param>
/// <param name="After">Ask with it as <c>after</c> for the next page; null: this was the last.</param>
internal sealed record FleetAnswer(
    DateTimeOffset AsOf,
    int Total,
    StandingCounts Counts,
    IReadOnlyList<string> Unreadable,
    IReadOnlyList<InstanceLine> Instances,
    string? After);

/// <summary>How many instances there are of each standing.</summary>
internal sealed record StandingCounts(int Active, int Draining, int Quiet, int Lost, int Stopped, int Gone);

/// <summary>Answer of /api/fleet?changesSince=: what has changed.</summary>
/// <param name="AsOf">When the directory was read, by its clock.</param>
/// <param name="Version">Ask with it as <c>changesSince</c> for what comes next.</param>
/// <param name="More">Whether there is more by now.</param>
/// <param name="Reset">Whether to forget all that was told before.</param>
/// <param name="Changed">Instances that have changed.</param>
/// <param name="Removed">Instances that are in the directory no more.</param>
internal sealed record ChangesAnswer(
    DateTimeOffset AsOf, string Version, bool More, bool Reset, IReadOnlyList<InstanceLine> Changed, IReadOnlyList<string> Removed);

/// <summary>An instance in a list.</summary>
/// <param name="InstanceId">The instance.</param>
/// <param name="Standing">How it stands.</param>
/// <param name="AgeMs">How old its snapshot is.</param>
/// <param name="SilentAfterMs">From which age on its silence counts.</param>
/// <param name="WhenSilent">Its standing from that age on, if it is not heard until then.</param>
/// <param name="Phase">What it was doing.</param>
/// <param name="Topology">How it belongs to the fleet.</param>
/// <param name="Boot">Its process.</param>
/// <param name="Epoch">Its life.</param>
/// <param name="AsOf">When it made the snapshot, by its own clock.</param>
/// <param name="InFlight">Open tickets.</param>
/// <param name="Ending">Whether what is in flight counts as ended.</param>
/// <param name="Accepted">Invocations accepted by the process.</param>
/// <param name="Completed">Completed.</param>
/// <param name="Failed">Failed.</param>
/// <param name="Cancelled">Cancelled.</param>
/// <param name="Abandoned">Abandoned.</param>
/// <param name="Temperatures">Its functions, counted.</param>
/// <param name="ProfileVersion">The profiles its node has.</param>
/// <param name="FleetProfileVersion">The fleet's version among them; null while it goes by its own file.</param>
/// <param name="FleetProfileError">Why it can't apply the fleet's newest.</param>
internal sealed record InstanceLine(
    string InstanceId,
    Standing Standing,
    long AgeMs,
    long SilentAfterMs,
    Standing WhenSilent,
    InstancePhase Phase,
    FleetTopology Topology,
    string Boot,
    long Epoch,
    DateTimeOffset AsOf,
    int InFlight,
    bool Ending,
    long Accepted,
    long Completed,
    long Failed,
    long Cancelled,
    long Abandoned,
    TemperatureCounts Temperatures,
    string? ProfileVersion,
    long? FleetProfileVersion,
    string? FleetProfileError)
{
    public static InstanceLine Of(DirectoryEntry entry, DateTimeOffset asOf, StandingOptions options)
    {
        var snapshot = entry.Snapshot;
        var age = StandingRules.Age(entry.ReceivedAt, asOf);
        var silentAfter = StandingRules.SilentAfter(snapshot, options);
        return new InstanceLine(
            snapshot.InstanceId,
            StandingRules.Of(snapshot, age, options),
            (long)age.TotalMilliseconds,
            (long)silentAfter.TotalMilliseconds,
            StandingRules.Of(snapshot, silentAfter, options),
            snapshot.Phase,
            snapshot.Topology,
            snapshot.Boot,
            snapshot.Epoch,
            snapshot.AsOf,
            snapshot.InFlight,
            snapshot.Ending,
            snapshot.Accepted,
            snapshot.Completed,
            snapshot.Failed,
            snapshot.Cancelled,
            snapshot.Abandoned,
            TemperatureCounts.Of(snapshot.Functions),
            snapshot.ProfileVersion,
            snapshot.FleetProfileVersion,
            snapshot.FleetProfileError);
    }
}

/// <summary>How many functions of an instance there are of each temperature; those whose temperature is not known yet are in none.</summary>
internal sealed record TemperatureCounts(int Functions, int Cold, int Warming, int Warm, int Saturated)
{
    public static TemperatureCounts Of(IReadOnlyList<FunctionStatus> functions)
    {
        Span<int> counts = stackalloc int[4];
        foreach (var function in functions)
        {
            if (function.Temperature is { } temperature)
            {
                counts[(int)temperature]++;
            }
        }

        return new TemperatureCounts(functions.Count, counts[0], counts[1], counts[2], counts[3]);
    }
}

/// <summary>Answer of /api/fleet/instances/{id}.</summary>
/// <param name="Instance">The instance as in the list.</param>
/// <param name="ContainerLife">What tells this life of the container from others.</param>
/// <param name="Functions">Its functions and their workers.</param>
/// <param name="LeftOut">Functions and workers that are not listed for want of room.</param>
/// <param name="LastReceipt">The receipt of its last hook.</param>
/// <param name="Records">Receipts and lifecycle events, oldest first.</param>
internal sealed record FleetInstanceAnswer(
    InstanceLine Instance,
    string? ContainerLife,
    IReadOnlyList<FunctionStatus> Functions,
    int LeftOut,
    JsonElement? LastReceipt,
    IReadOnlyList<RecordAnswer> Records);

/// <summary>Something that an instance has left.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Boot">The process it is of.</param>
/// <param name="Epoch">The life it is of.</param>
/// <param name="At">When it happened, by the instance's clock.</param>
/// <param name="What">The thing itself; null if it is no JSON.</param>
internal sealed record RecordAnswer(RecordKind Kind, string Boot, long Epoch, DateTimeOffset At, JsonElement? What);

/// <summary>Body of POST /api/fleet/instances/{id}/orders.</summary>
/// <param name="Kind">drain, undrain or flush.</param>
/// <param name="ExpirySeconds">After which time it lapses.</param>
/// <param name="Id">Its id: a second one with the same id is the same order.</param>
/// <param name="By">Who orders it, in words.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record OrderBody(string? Kind, double? ExpirySeconds, string? Id, string? By);

/// <summary>Answer of GET /api/fleet/instances/{id}/orders.</summary>
/// <param name="Orders">Open orders and the last ended ones, oldest first.</param>
internal sealed record OrdersAnswer(IReadOnlyList<OrderAnswer> Orders);

/// <summary>An order.</summary>
/// <param name="Id">Its id.</param>
/// <param name="InstanceId">Whose it is.</param>
/// <param name="Kind">What to do.</param>
/// <param name="By">Who ordered it.</param>
/// <param name="PlacedAt">When, by the directory's clock.</param>
/// <param name="ExpiresAt">When it lapses, and a drain by it is undone.</param>
/// <param name="Result">What became of it; null while it is open.</param>
internal sealed record OrderAnswer(
    string Id, string InstanceId, FleetOrderKind Kind, string By, DateTimeOffset PlacedAt, DateTimeOffset ExpiresAt, OrderResultAnswer? Result)
{
    public static OrderAnswer Of(FleetOrderState state) => new(
        state.Order.Id,
        state.Order.InstanceId,
        state.Order.Kind,
        state.Order.By,
        state.Order.PlacedAt,
        state.Order.ExpiresAt,
        state.Result is { } result
            ? new OrderResultAnswer(result.Outcome, result.Detail, result.Boot, result.Epoch, result.At, FleetJsonText.Element(result.ReceiptJson))
            : null);
}

/// <summary>What became of an order.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Detail">The rest, in words.</param>
/// <param name="Boot">The process that carried it out.</param>
/// <param name="Epoch">Its life then.</param>
/// <param name="At">When, by the instance's clock.</param>
/// <param name="Receipt">The receipt of the stop that it ran.</param>
internal sealed record OrderResultAnswer(FleetOrderOutcome Outcome, string Detail, string Boot, long Epoch, DateTimeOffset At, JsonElement? Receipt);

/// <summary>Answer of GET /api/fleet/profiles.</summary>
/// <param name="Version">The version; 0: none was ever set.</param>
/// <param name="Text">The functions file's text; null: each instance goes by its own file.</param>
/// <param name="By">Who set it.</param>
/// <param name="At">When, by the directory's clock.</param>
/// <param name="RolledBackTo">The version whose text it repeats.</param>
internal sealed record FleetProfileAnswer(long Version, string? Text, string? By, DateTimeOffset? At, long? RolledBackTo);

/// <summary>Answer of PUT, DELETE and rollback: the new version.</summary>
/// <param name="Version">Its number.</param>
/// <param name="By">Who set it.</param>
/// <param name="At">When, by the directory's clock.</param>
/// <param name="RolledBackTo">The version whose text it repeats.</param>
/// <param name="Bytes">How long the text is; null: each instance goes by its own file.</param>
internal sealed record ProfileVersionAnswer(long Version, string By, DateTimeOffset At, long? RolledBackTo, int? Bytes)
{
    public static ProfileVersionAnswer Of(FleetProfile profile) => new(
        profile.Version,
        profile.By,
        profile.At,
        profile.RolledBackTo,
        profile.Json is { } json ? System.Text.Encoding.UTF8.GetByteCount(json) : null);
}

/// <summary>Answer of GET /api/fleet/profiles/history.</summary>
/// <param name="Versions">The last versions, newest first.</param>
internal sealed record ProfileHistoryAnswer(IReadOnlyList<ProfileVersionAnswer> Versions);

/// <summary>Answer of POST /api/fleet/profiles/validate.</summary>
/// <param name="Valid">Whether they could be set.</param>
/// <param name="Errors">All that is wrong, one line each.</param>
/// <param name="Functions">How many functions there are, where they are valid.</param>
/// <param name="Services">How many services.</param>
internal sealed record ValidationAnswer(bool Valid, IReadOnlyList<string> Errors, int? Functions, int? Services);

/// <summary>Body of POST /api/fleet/profiles/rollback.</summary>
/// <param name="Version">The version whose text to set again.</param>
/// <param name="ExpectedVersion">The version that must be there; null: whichever is.</param>
/// <param name="By">Who does it, in words.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record RollbackBody(long? Version, long? ExpectedVersion, string? By);

/// <summary>JSON that was stored as text.</summary>
internal static class FleetJsonText
{
    /// <summary>The same as part of an answer; null if it is none, or no JSON: it comes from other processes.</summary>
    public static JsonElement? Element(string? json)
    {
        if (json is null)
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, AllowDuplicateProperties = false)]
[JsonSerializable(typeof(FleetAnswer))]
[JsonSerializable(typeof(ChangesAnswer))]
[JsonSerializable(typeof(FleetInstanceAnswer))]
[JsonSerializable(typeof(OrderBody))]
[JsonSerializable(typeof(OrderAnswer))]
[JsonSerializable(typeof(OrdersAnswer))]
[JsonSerializable(typeof(FleetProfileAnswer))]
[JsonSerializable(typeof(ProfileVersionAnswer))]
[JsonSerializable(typeof(ProfileHistoryAnswer))]
[JsonSerializable(typeof(ValidationAnswer))]
[JsonSerializable(typeof(RollbackBody))]
internal sealed partial class FleetApiJson : JsonSerializerContext;
