using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Control;
using NoslateFleet.Noslate.Protocol.Data;

namespace NoslateFleet.Noslate.Stats;

/// <summary>
/// Puts the planes' answers together. Inspected workers are left out: they serve a debugger, not the function's requests.
/// </summary>
/// <remarks>
/// A worker's status is never on the wire. What is: a worker without a process id is being started; a broker tells how many are
/// being started and how many are able; the rest of those listed are being stopped.
/// </remarks>
internal sealed class StatsMerge
{
    private readonly SortedDictionary<string, Function> functions = new(StringComparer.Ordinal);

    internal void AddProfiles(IEnumerable<FunctionProfile> profiles)
    {
        foreach (var profile in profiles)
            Of(profile.Name).Profile ??= profile;
    }

    internal void AddSnapshot(WorkerStatsSnapshotResponse snapshot)
    {
        foreach (var broker in snapshot.Brokers)
        {
            if (broker.Inspector)
                continue;

            var function = Of(broker.Name);

            // What the broker works by, which may be a set behind the profiles' list.
            function.Profile = broker.Profile ?? function.Profile;
            function.InBroker = true;
            function.Initiating += Math.Max(0, broker.InitiatingWorkerCount);
            function.Active += Math.Max(0, broker.ActiveWorkerCount);
            foreach (var told in broker.Workers)
            {
                var worker = function.Of(told.Name);
                worker.Listed = true;
                worker.ProcessId = told.Pid > 0 ? told.Pid : null;
                worker.RegisteredAt = Instant(told.RegisterTime);
                worker.Pulled = Math.Max(0, told.Data?.ActiveRequestCount ?? 0);
            }
        }
    }

    internal void AddTraffic(WorkerTrafficStatsResponse traffic)
    {
        foreach (var broker in traffic.Brokers)
        {
            if (broker.Inspector)
                continue;

            var function = Of(broker.FunctionName);
            function.InTraffic = true;
            foreach (var told in broker.Workers)
            {
                var worker = function.Of(told.Name);
                worker.Live = (int)Math.Min(int.MaxValue, (worker.Live ?? 0L) + Math.Max(0, told.ActiveRequestCount));
            }
        }
    }

    internal Dictionary<string, HashSet<string>> ListedWorkers()
    {
        var listed = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        foreach (var (name, function) in functions)
        {
            var workers = function.Workers.Where(worker => worker.Value.Listed).Select(worker => worker.Key).ToHashSet(StringComparer.Ordinal);
            if (workers.Count > 0)
                listed.Add(name, workers);
        }

        return listed;
    }

    internal void AddStopped(Dictionary<string, HashSet<string>> before)
    {
        foreach (var (name, workers) in before)
        {
            foreach (var worker in workers)
            {
                if (!functions.TryGetValue(name, out var function) || !function.Workers.ContainsKey(worker))
                    Of(name).Of(worker).Stopped = true;
            }
        }
    }

    internal IReadOnlyList<FunctionPicture> Functions() =>
        [.. functions.Where(function => function.Value.Profile is not null || function.Value.Workers.Count > 0 || function.Value.InBroker)
            .Select(function => Picture(function.Key, function.Value))];

    private static FunctionPicture Picture(string name, Function function)
    {
        var withoutPid = function.Workers.Values.Count(worker => worker is { Listed: true, ProcessId: null });
        var listed = function.Workers.Values.Count(worker => worker.Listed);
        var starting = Math.Max(function.Initiating, withoutPid);
        var ready = function.Active;
        var stopping = Math.Max(0, listed - starting - ready);
        var state = StateOfRunning(function, starting - withoutPid, ready, stopping);
        var worker = function.Profile?.Worker;
        return new FunctionPicture(
            name,
            function.Profile is { Runtime.Length: > 0 } profile ? profile.Runtime : null,
            function.Profile is null ? null : worker is { MaxActivateRequests: > 0 } ? worker.MaxActivateRequests : FunctionRules.DefaultMaxActivateRequests,
            function.Profile is null ? null : worker is { ReplicaCountLimit: > 0 } ? worker.ReplicaCountLimit : FunctionRules.DefaultReplicaCountLimit,
            function.Profile is null ? null : Math.Max(0, worker?.ReservationCount ?? 0),
            starting,
            ready,
            stopping,
            [.. function.Workers.Select(pair => Picture(pair.Key, pair.Value, state))]);
    }

    private static WorkerPicture Picture(string name, Worker worker, Func<Worker, WorkerState> stateOfRunning)
    {
        var state = worker switch
        {
            { Stopped: true } => WorkerState.Stopped,
            { Listed: false } => WorkerState.Unknown,
            { ProcessId: null } => WorkerState.Created,
            _ => stateOfRunning(worker),
        };
        return new WorkerPicture(name, state, worker.ProcessId, worker.RegisteredAt, worker.Live ?? worker.Pulled);
    }

    // For the workers that have a process: the broker tells how many are in which state, not which. When they are in more than
    // one, those that the data planes no longer know are the ones being stopped, if the numbers agree; otherwise it can't be told.
    private static Func<Worker, WorkerState> StateOfRunning(Function function, int starting, int ready, int stopping)
    {
        switch (starting > 0, ready > 0, stopping > 0)
        {
            case (true, false, false):
                return _ => WorkerState.Created;
            case (false, true, false):
                return _ => WorkerState.Ready;
            case (false, false, true):
                return _ => WorkerState.PendingStop;
            case (false, true, true):
                var away = function.Workers.Values.Count(worker => worker is { Listed: true, ProcessId: not null, Live: null });
                return function.InTraffic && away == stopping
                    ? worker => worker.Live is null ? WorkerState.PendingStop : WorkerState.Ready
                    : _ => WorkerState.Unknown;
            default:
                return _ => WorkerState.Unknown;
        }
    }

    private static DateTimeOffset? Instant(double milliseconds) =>
        milliseconds is > 0 and < 253402300799999 ? DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds) : null;

    private Function Of(string name)
    {
        if (!functions.TryGetValue(name, out var function))
            functions.Add(name, function = new Function());
        return function;
    }

    private sealed class Function
    {
        internal FunctionProfile? Profile { get; set; }

        internal bool InBroker { get; set; }

        internal bool InTraffic { get; set; }

        internal int Initiating { get; set; }

        internal int Active { get; set; }

        internal SortedDictionary<string, Worker> Workers { get; } = new(StringComparer.Ordinal);

        internal Worker Of(string name)
        {
            if (!Workers.TryGetValue(name, out var worker))
                Workers.Add(name, worker = new Worker());
            return worker;
        }
    }

    private sealed class Worker
    {
        internal bool Listed { get; set; }

        internal bool Stopped { get; set; }

        internal int? ProcessId { get; set; }

        internal DateTimeOffset? RegisteredAt { get; set; }

        internal int? Live { get; set; }

        internal int Pulled { get; set; }
    }
}
