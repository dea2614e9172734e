using System.Globalization;
using Microsoft.AspNetCore.Http;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Fleet;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>Which instances a reader wants to see, and in which order. What a query string says wrong is passed over.</summary>
internal sealed record FleetQuery
{
    /// <summary>Characters of a search.</summary>
    public const int MaxText = 200;

    /// <summary>The orders there are; the first is the usual one.</summary>
    public static IReadOnlyList<string> Sorts { get; } = ["standing", "id", "rate", "inflight", "age", "warm", "epoch"];

    /// <summary>Rows that a page may have.</summary>
    public static IReadOnlyList<int> Sizes { get; } = [25, 50, 100, 200];

    public string Text { get; init; } = "";

    public Standing? Standing { get; init; }

    public string Function { get; init; } = "";

    public string Sort { get; init; } = Sorts[0];

    public int Page { get; init; } = 1;

    public int Size { get; init; } = 50;

    public bool AllFunctions { get; init; }

    /// <summary>Reads it from a request.</summary>
    /// <param name="query">The request's query string.</param>
    /// <param name="size">Rows on a page, if the request says nothing.</param>
    public static FleetQuery Of(IQueryCollection query, int size)
    {
        var sort = query["sort"].ToString();
        return new FleetQuery
        {
            Text = Cut(query["q"].ToString().Trim()),
            Standing = Enum.TryParse<Standing>(query["standing"], ignoreCase: true, out var standing) && Enum.IsDefined(standing) ? standing : null,
            Function = Cut(query["function"].ToString()),
            Sort = Sorts.Contains(sort) ? sort : Sorts[0],
            Page = int.TryParse(query["page"], NumberStyles.None, CultureInfo.InvariantCulture, out var page) && page > 0 ? page : 1,
            Size = int.TryParse(query["size"], NumberStyles.None, CultureInfo.InvariantCulture, out var rows) && Sizes.Contains(rows) ? rows : size,
            AllFunctions = query["functions"] == "all",
        };

        static string Cut(string text) => text.Length > MaxText ? text[..MaxText] : text;
    }

    /// <summary>The query string that says the same.</summary>
    /// <param name="usualSize">Rows on a page, if it says nothing.</param>
    public string ToQueryString(int usualSize)
    {
        var query = QueryString.Empty;
        if (Text.Length > 0)
        {
            query = query.Add("q", Text);
        }

        if (Standing is { } standing)
        {
            query = query.Add("standing", standing.ToString());
        }

        if (Function.Length > 0)
        {
            query = query.Add("function", Function);
        }

        if (Sort != Sorts[0])
        {
            query = query.Add("sort", Sort);
        }

        if (Size != usualSize)
        {
            query = query.Add("size", Size.ToString(CultureInfo.InvariantCulture));
        }

        if (Page > 1)
        {
            query = query.Add("page", Page.ToString(CultureInfo.InvariantCulture));
        }

        return (AllFunctions ? query.Add("functions", "all") : query).ToString();
    }

    /// <summary>All instances that it asks for, in its order.</summary>
    /// <param name="picture">The fleet.</param>
    public List<FleetInstance> Select(FleetPicture picture)
    {
        var found = picture.Instances.Where(Fits).ToList();
        Comparison<FleetInstance> order = Sort switch
        {
            "rate" => static (a, b) => (b.Trend.Rate ?? 0).CompareTo(a.Trend.Rate ?? 0),
            "inflight" => static (a, b) => b.InFlight.CompareTo(a.InFlight),
            "age" => static (a, b) => b.Age.CompareTo(a.Age),
            "warm" => static (a, b) => b.Warm.CompareTo(a.Warm),
            "epoch" => static (a, b) => b.Snapshot.Epoch.CompareTo(a.Snapshot.Epoch),
            "id" => static (_, _) => 0,
            _ => static (a, b) => Urgency(a.Standing).CompareTo(Urgency(b.Standing)),
        };
        found.Sort((a, b) => order(a, b) is var first && first != 0 ? first : string.CompareOrdinal(a.Id, b.Id));
        return found;
    }

    // What somebody may have to look after comes first.
    private static int Urgency(Standing standing) => standing switch
    {
        Coordination.Fleet.Standing.Lost => 0,
        Coordination.Fleet.Standing.Draining => 1,
        Coordination.Fleet.Standing.Active => 2,
        Coordination.Fleet.Standing.Quiet => 3,
        Coordination.Fleet.Standing.Stopped => 4,
        _ => 5,
    };

    private bool Fits(FleetInstance instance) =>
        (Standing is null || instance.Standing == Standing)
        && (Text.Length == 0 || instance.Id.Contains(Text, StringComparison.OrdinalIgnoreCase))
        && (Function.Length == 0 || instance.Snapshot.Functions.Any(function => function.Name == Function));
}
