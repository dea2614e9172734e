using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Control;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>
/// Whether a control plane can be sent a set now. It dies when a function is taken away while a worker of it is being spawned,
/// and it takes a function away, as seen by its workers, also when one of the fields compared in <see cref="Replaces"/> changes.
/// </summary>
internal sealed class Settling
{
    private readonly HashSet<string> leaving = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> reserved = new(StringComparer.Ordinal);

    /// <summary>Compares what the plane may hold with what it shall hold.</summary>
    internal Settling(IEnumerable<FunctionProfile> held, IEnumerable<FunctionProfile> wanted)
    {
        var next = new Dictionary<string, FunctionProfile>(StringComparer.Ordinal);
        foreach (var function in wanted)
            next[function.Name] = function;

        foreach (var function in held)
        {
            if (!next.TryGetValue(function.Name, out var replacement) || Replaces(function, replacement))
                leaving.Add(function.Name);
            if (function.Worker is { ReservationCount: > 0 } worker)
                reserved[function.Name] = worker.ReservationCount;
        }
    }

    /// <summary>True when the set may be sent without looking.</summary>
    internal bool IsTrivial => leaving.Count == 0 && reserved.Count == 0;

    /// <summary>The functions that stand in the way.</summary>
    /// <param name="snapshot">The plane's workers.</param>
    /// <param name="excuseReserved">
    /// True once a reserved worker has had its time to come up: one that cannot start must not keep its own repair from being sent.
    /// </param>
    internal IReadOnlyList<string> Blocking(WorkerStatsSnapshotResponse snapshot, bool excuseReserved)
    {
        var starting = new HashSet<string>(StringComparer.Ordinal);
        var active = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var broker in snapshot.Brokers)
        {
            // Inspected workers are spawned like others.
            if (broker.InitiatingWorkerCount > 0 || broker.Workers.Any(worker => worker.Pid == 0))
                starting.Add(broker.Name);
            if (!broker.Inspector)
                active[broker.Name] = broker.ActiveWorkerCount;
        }

        var blocking = new SortedSet<string>(leaving.Where(starting.Contains), StringComparer.Ordinal);
        foreach (var (name, count) in reserved)
        {
            if (starting.Contains(name) || !excuseReserved && active.GetValueOrDefault(name) < count)
                blocking.Add(name);
        }

        return [.. blocking];
    }

    private static bool Replaces(FunctionProfile held, FunctionProfile next) =>
        held.Runtime != next.Runtime
        || held.Url != next.Url
        || held.Signature != next.Signature
        || held.SourceFile != next.SourceFile
        || held.Handler != next.Handler
        || held.Initializer != next.Initializer
        || (held.ResourceLimit?.Cpu ?? 0) != (next.ResourceLimit?.Cpu ?? 0)
        || (held.ResourceLimit?.Memory ?? 0) != (next.ResourceLimit?.Memory ?? 0);
}
