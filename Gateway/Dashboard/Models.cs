using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Gateway.Lifecycle;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>What is around every page.</summary>
/// <param name="Texts">The reader's language.</param>
/// <param name="Assets">Where stylesheet and script are.</param>
/// <param name="Reader">Who reads; null before the sign-in.</param>
/// <param name="FormToken">What forms bring back.</param>
/// <param name="Title">The page's title.</param>
/// <param name="Section">Which part of the dashboard it belongs to.</param>
/// <param name="Picture">The fleet; null where the page shows nothing of it.</param>
/// <param name="Events">Where the page's changes come from; null if it has none.</param>
internal sealed record Frame(
    Texts Texts, DashboardAssets Assets, DashboardReader? Reader, string FormToken, string Title, string Section, FleetPicture? Picture, string? Events)
{
    public bool MayOperate => Reader is { MayOperate: true };
}

/// <summary>The fleet's page.</summary>
/// <param name="Picture">The fleet.</param>
/// <param name="Query">What is asked for.</param>
/// <param name="UsualSize">Rows on a page, if it says nothing.</param>
internal sealed record FleetModel(FleetPicture Picture, FleetQuery Query, int UsualSize)
{
    /// <summary>Functions shown unless all are asked for.</summary>
    private const int FewFunctions = 12;

    private List<FleetInstance>? _found;

    public List<FleetInstance> Found => _found ??= Query.Select(Picture);

    public int Pages => Math.Max(1, (Found.Count + Query.Size - 1) / Query.Size);

    public int Page => Math.Min(Query.Page, Pages);

    public IReadOnlyList<FleetInstance> Rows => Found.GetRange((Page - 1) * Query.Size, Math.Min(Query.Size, Found.Count - ((Page - 1) * Query.Size)));

    public IEnumerable<FleetFunction> Functions => Query.AllFunctions
        ? Picture.Functions
        : Picture.Functions.OrderByDescending(static f => f.Trend.Rate ?? 0).ThenByDescending(static f => f.Accepted).ThenBy(static f => f.Name, StringComparer.Ordinal)
            .Take(FewFunctions).OrderBy(static f => f.Name, StringComparer.Ordinal);

    public bool HasMoreFunctions => !Query.AllFunctions && Picture.Functions.Count > FewFunctions;

    public string Url(FleetQuery query) => "/dashboard" + query.ToQueryString(UsualSize);
}

/// <summary>The page of one instance.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="Timeline">What it left in the directory, the newest first; null if that could not be read.</param>
/// <param name="Orders">Its orders, the newest first; null if they could not be read.</param>
/// <param name="Placed">An order that the reader has just given.</param>
/// <param name="Settings">What holds of all that can be configured, without secrets; null where that is another process's.</param>
internal sealed record InstanceModel(
    FleetInstance Instance,
    IReadOnlyList<TimelineItem>? Timeline,
    IReadOnlyList<FleetOrderState>? Orders,
    string? Placed,
    IReadOnlyList<EffectiveSetting>? Settings = null);

/// <summary>One thing in an instance's life.</summary>
/// <param name="At">When, by the instance's clock.</param>
/// <param name="Boot">Its process.</param>
/// <param name="Epoch">Its life.</param>
/// <param name="Kind">What, in one word; empty if it can't be read.</param>
/// <param name="Detail">The rest.</param>
/// <param name="Receipt">The receipt, if it is one.</param>
internal sealed record TimelineItem(DateTimeOffset At, string Boot, long Epoch, string Kind, string Detail, Receipt? Receipt)
{
    /// <summary>Items shown.</summary>
    public const int MaxShown = 200;

    /// <summary>Reads what an instance left.</summary>
    /// <param name="record">The record.</param>
    public static TimelineItem Of(InstanceRecord record)
    {
        try
        {
            if (record.Kind == RecordKind.Receipt)
            {
                if (JsonSerializer.Deserialize(record.Json, LifecycleJson.Default.Receipt) is { Hook: not null, Cause: not null, Steps: not null } receipt
                    && receipt.Steps.All(static step => step is { Step: not null, Outcome: not null }))
                {
                    return new TimelineItem(record.At, record.Boot, record.Epoch, "receipt", receipt.Hook, receipt);
                }
            }
            else if (JsonSerializer.Deserialize(record.Json, LifecycleJson.Default.FlightEvent) is { Kind: not null } flight)
            {
                return new TimelineItem(flight.At, record.Boot, flight.Epoch, flight.Kind, flight.Detail ?? "", null);
            }
        }
        catch (JsonException)
        {
            // Of another version, or damaged: shown as such.
        }

        return new TimelineItem(record.At, record.Boot, record.Epoch, "", "", null);
    }

    /// <summary>Reads an instance's last receipt.</summary>
    /// <param name="json">As the snapshot tells it.</param>
    public static Receipt? ReceiptOf(string? json) =>
        json is null ? null : Of(new InstanceRecord(RecordKind.Receipt, "", 0, default, json)).Receipt;
}

/// <summary>The page of one function.</summary>
/// <param name="Function">The function.</param>
/// <param name="Places">The instances that know it, the warmest first.</param>
internal sealed record FunctionModel(FleetFunction Function, IReadOnlyList<FunctionPlace> Places)
{
    /// <summary>Instances shown.</summary>
    public const int MaxShown = 200;

    /// <summary>The page's model.</summary>
    /// <param name="picture">The fleet.</param>
    /// <param name="name">The function.</param>
    /// <returns>Null if no instance knows it.</returns>
    public static FunctionModel? Of(FleetPicture picture, string name)
    {
        if (picture.Functions.FirstOrDefault(function => function.Name == name) is not { } function)
        {
            return null;
        }

        var places = picture.Instances
            .Select(instance => (Instance: instance, Status: instance.Snapshot.Functions.FirstOrDefault(status => status.Name == name)))
            .Where(static place => place.Status is not null)
            .Select(static place => new FunctionPlace(place.Instance, place.Status!))
            .OrderByDescending(static place => place.Instance.HasWorkers)
            .ThenByDescending(static place => place.Status.Temperature)
            .ThenByDescending(static place => place.Status.Counters.Accepted)
            .ThenBy(static place => place.Instance.Id, StringComparer.Ordinal);
        return new FunctionModel(function, [.. places]);
    }
}

/// <summary>A function on an instance.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="Status">The function there.</param>
internal sealed record FunctionPlace(FleetInstance Instance, Coordination.Functions.FunctionStatus Status);

/// <summary>The page of the fleet's profiles.</summary>
/// <param name="Picture">The fleet.</param>
/// <param name="Versions">The versions, the newest first; null if they could not be read.</param>
internal sealed record ProfilesModel(FleetPicture Picture, IReadOnlyList<FleetProfile>? Versions)
{
    public FleetProfile? Present => Versions is [var first, ..] ? first : null;

    /// <summary>Instances whose profiles matter: those that are not gone or stopped.</summary>
    public IEnumerable<FleetInstance> Concerned => Picture.Instances.Where(static instance => instance.Standing is not (Standing.Gone or Standing.Stopped));

    public int Applied(FleetProfile version) =>
        Concerned.Count(instance => instance.Snapshot.FleetProfileError is null && instance.Snapshot.FleetProfileVersion == (version.Json is null ? null : version.Version));

    public IEnumerable<(string Error, List<FleetInstance> Instances)> Errors => Concerned
        .Where(static instance => instance.Snapshot.FleetProfileError is not null)
        .GroupBy(static instance => instance.Snapshot.FleetProfileError!, StringComparer.Ordinal)
        .OrderByDescending(static group => group.Count())
        .Take(10)
        .Select(static group => (group.Key, group.ToList()));
}

/// <summary>A draft of the fleet's profiles.</summary>
/// <param name="Json">The functions file's text.</param>
/// <param name="Expected">The version that it was made from; 0 for none.</param>
/// <param name="Errors">What is wrong with it; null while nobody has looked.</param>
/// <param name="Changes">What it would change; null while it is not checked, or not good.</param>
internal sealed record DraftModel(string Json, long Expected, IReadOnlyList<string>? Errors, ProfileChanges? Changes);

/// <summary>What a draft would change, by name.</summary>
internal sealed record ProfileChanges(IReadOnlyList<string> Added, IReadOnlyList<string> Changed, IReadOnlyList<string> Removed, int Unchanged);

/// <summary>Something that a reader is asked once more about.</summary>
/// <param name="Heading">What would be done.</param>
/// <param name="Explanation">What that means.</param>
/// <param name="Action">Where the form goes.</param>
/// <param name="Fields">What it brings along.</param>
/// <param name="Button">What its button says.</param>
/// <param name="Back">The way out.</param>
/// <param name="Danger">Whether it takes something away.</param>
internal sealed record ConfirmModel(
    string Heading, string Explanation, string Action, IReadOnlyList<(string Name, string Value)> Fields, string Button, string Back, bool Danger);

/// <summary>Names for elements.</summary>
internal static class ElementIds
{
    /// <summary>The id of an instance's row. Instance ids may hold anything.</summary>
    /// <param name="instanceId">The instance.</param>
    public static string Row(string instanceId) => "i-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(instanceId)).AsSpan(0, 8));
}
