using System.Globalization;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Stats;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>What stands between the instance and serving, in words.</summary>
internal sealed class Readiness
{
    // A real node's own setting for functions whose profile names no number of their own.
    private const string ReservationVariable = "NOSLATED_RESERVATION_WORKER_COUNT_PER_FUNCTION";

    private readonly INoslateNode _node;
    private readonly NodeService _service;
    private readonly int _reservation;

    public Readiness(INoslateNode node, NodeService service, Microsoft.Extensions.Configuration.IConfiguration configuration)
    {
        _node = node;
        _service = service;
        _reservation = int.TryParse(configuration[ReservationVariable], NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0;
    }

    /// <summary>What is missing for invocations to succeed; null if nothing is. Cheap.</summary>
    public string? Missing() => Missing(_node.Status, _service.File);

    /// <summary>As <see cref="Missing()"/>, and reserved workers that are not Ready. Asks the node.</summary>
    public async Task<string?> MissingWithWorkersAsync(CancellationToken cancellationToken)
    {
        if (Missing() is { } missing)
        {
            return missing;
        }

        var wanted = Reserved();
        if (wanted.Count == 0)
        {
            return null;
        }

        var stats = await _node.GetStatsAsync(cancellationToken);
        var lacking = wanted
            .Select(function => (function.Name, function.Count, Ready: Ready(stats, function.Name)))
            .Where(function => function.Ready < function.Count)
            .Select(function => string.Create(CultureInfo.InvariantCulture, $"{function.Name} has {function.Ready} of {function.Count} reserved workers"))
            .ToList();
        return lacking.Count == 0 ? null : string.Join("; ", lacking);
    }

    private static string? Missing(NodeStatus status, FunctionsFile? file) =>
        file is { Current: null } ? "the functions file can't be used: " + (file.LastError ?? "it was not read yet")
        : status.Ready || status is { Reachable: true, Profiles.EarlierHolds: true } ? null
        : !status.Reachable ? "no data plane is connected"
        : status.Profiles.Error is { } error ? "the profiles are not set: " + error
        : "the profiles are not set yet";

    private static int Ready(NodeStats stats, string name) => stats.Functions.FirstOrDefault(function => function.Name == name)?.Ready ?? 0;

    private List<(string Name, int Count)> Reserved() =>
        [.. (_node.Profiles?.Functions ?? [])
            .Select(function => (function.Name, Count: function.Worker is { HasReservationCount: true } worker ? worker.ReservationCount : _reservation))
            .Where(function => function.Count > 0)];
}
