using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using NoslateFleet.Emulator.DataPlane;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Emulator.Workers;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Control;
using NoslateFleet.Noslate.Protocol.Data;
using BrokerStats = NoslateFleet.Noslate.Protocol.Control.BrokerStats;
using Pair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;
using WorkerStats = NoslateFleet.Noslate.Protocol.Control.WorkerStats;

namespace NoslateFleet.Emulator.ControlPlane;

/// <summary>What the control plane knows and does: profiles, the start, the count and the end of workers.</summary>
internal sealed partial class ControlPlaneCore : IDisposable
{
    /// <summary>Workers that are started at the same time.</summary>
    private const int LaunchesAtOnce = 4;

    private readonly NodeState state;
    private readonly DataPlaneCore data;
    private readonly WorkerStarter starter;
    private readonly Dictionary<string, FunctionSpec> profiles = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ControlBroker> brokers = new(StringComparer.Ordinal);
    private readonly HashSet<Worker> living = [];
    private readonly SemaphoreSlim launches = new(LaunchesAtOnce);
    private readonly SemaphoreSlim applying = new(1);
    private readonly long memoryPool;
    private readonly ITimer ticker;
    private IReadOnlyList<Pair> platform = [];
    private bool up;
    private bool linked = true;

    public ControlPlaneCore(NodeState state, DataPlaneCore data, WorkerStarter starter)
    {
        this.state = state;
        this.data = data;
        this.starter = starter;
        memoryPool = state.Options.VirtualMemoryPoolBytes > 0
            ? state.Options.VirtualMemoryPoolBytes
            : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        data.RequestQueued = OnRequestQueued;
        data.Used = worker => _ = ShrinkAsync(worker);
        ticker = state.Clock.CreateTimer(_ => Tick(), null, state.Options.ScaleInterval, state.Options.ScaleInterval);
    }

    public IReadOnlyCollection<Worker> Living => living;

    /// <summary>How often a function was taken away from a worker that was being started.</summary>
    public int EarlyRemovals { get; private set; }

    public ControlBroker? FindBroker(string function) => brokers.GetValueOrDefault(function);

    public IEnumerable<string> Functions => brokers.Keys;

    /// <summary>The control plane has come up, knowing nothing.</summary>
    public void SetUp(bool value)
    {
        lock (state.Gate)
        {
            up = value;
            profiles.Clear();
            brokers.Clear();
            state.Changes.Pulse();
        }
    }

    /// <summary>The connection to the data plane is there (which then gets the profiles) or gone.</summary>
    public void SetLinked(bool value)
    {
        lock (state.Gate)
        {
            linked = value;
            if (value && up)
                data.SetProfiles(profiles.Values);
        }
    }

    public void SetPlatform(IEnumerable<Pair> variables)
    {
        lock (state.Gate)
            platform = [.. variables.Select(it => it.Clone())];
    }

    public GetFunctionProfileResponse GetProfiles()
    {
        lock (state.Gate)
            return new GetFunctionProfileResponse { Profiles = { profiles.Values.Select(it => it.Profile.Clone()) } };
    }

    /// <summary>Replaces the whole set, after the workers of functions that are gone or changed have stopped.</summary>
    public async Task SetProfilesAsync(IEnumerable<FunctionProfile> pushed)
    {
        await applying.WaitAsync();
        try
        {
            List<Worker> leaving = [];
            lock (state.Gate)
            {
                profiles.Clear();
                foreach (FunctionProfile profile in pushed)
                    profiles[profile.Name] = new FunctionSpec(profile);
                foreach (Worker worker in living.Where(it => it.State < WorkerState.PendingStop))
                {
                    if (profiles.TryGetValue(worker.Spec.Name, out FunctionSpec? spec) && !spec.NeedsOtherWorkers(worker.Spec))
                        Adopt(worker, spec);
                    else
                    {
                        leaving.Add(worker);
                        if (worker.State == WorkerState.Created)
                            EarlyRemovals++;
                    }
                }
            }

            await Task.WhenAll(leaving.Select(StopAsync));
            lock (state.Gate)
            {
                foreach (ControlBroker broker in brokers.Values)
                {
                    if (profiles.TryGetValue(broker.Spec.Name, out FunctionSpec? spec))
                        broker.Spec = spec;
                }

                if (linked && up)
                    data.SetProfiles(profiles.Values);
            }
        }
        finally
        {
            applying.Release();
        }

        Scale();
    }

    public WorkerStatsSnapshotResponse GetSnapshot()
    {
        var response = new WorkerStatsSnapshotResponse();
        lock (state.Gate)
        {
            foreach (ControlBroker broker in brokers.Values)
            {
                response.Brokers.Add(new BrokerStats
                {
                    Name = broker.Spec.Name,
                    RedundantTimes = broker.RedundantTimes,
                    InitiatingWorkerCount = broker.Initiating,
                    ActiveWorkerCount = broker.Active,
                    Profile = broker.Spec.Profile.Clone(),
                    Workers = { broker.Workers.Select(Describe) },
                });
            }
        }

        return response;
    }

    /// <summary>Takes the named workers' traffic away, waits for what they have, and stops them.</summary>
    public async Task<CapacityReductionResponse> ReduceCapacityAsync(CapacityReductionRequest request)
    {
        var response = new CapacityReductionResponse();
        List<Task> draining = [];
        lock (state.Gate)
        {
            foreach (CapacityReductionBroker asked in request.Brokers)
            {
                var closed = new CapacityReductionBroker { FunctionName = asked.FunctionName, Inspector = asked.Inspector };
                foreach (CapacityReductionWorker worker in asked.Workers)
                {
                    Worker? found = living.FirstOrDefault(
                        it => it.Spec.Name == asked.FunctionName && it.Credential == worker.Credential && it.State == WorkerState.Ready);
                    if (found is null)
                        continue;
                    closed.Workers.Add(worker.Clone());
                    draining.Add(ShrinkAsync(found));
                }

                response.Brokers.Add(closed);
            }
        }

        await Task.WhenAll(draining);
        return response;
    }

    /// <summary>Ends every worker at once: their data plane is gone, or the node ends.</summary>
    public async Task KillAllAsync()
    {
        Worker[] workers;
        lock (state.Gate)
        {
            workers = [.. living];
            foreach (Worker worker in workers)
            {
                worker.State = WorkerState.PendingStop;
                worker.Process?.Kill();
            }

            state.Changes.Pulse();
        }

        await Task.WhenAll(workers.Select(it => it.Gone.Task));
    }

    public void Dispose()
    {
        ticker.Dispose();
        launches.Dispose();
        applying.Dispose();
    }

    private static WorkerStats Describe(Worker worker)
    {
        var stats = new WorkerStats { Name = worker.Name, Credential = worker.Credential, RegisterTime = worker.RegisterTime };
        if (worker.State != WorkerState.Created && worker.Process is { } process)
            stats.Pid = process.Pid;
        if (worker.ReportedActive is { } active)
            stats.Data = new WorkerAdditionalData { ActiveRequestCount = active };
        return stats;
    }

    private void Tick()
    {
        lock (state.Gate)
        {
            if (!up || !linked)
                return;
            foreach (Worker worker in living)
                worker.ReportedActive = worker.Active;
        }

        Scale();
    }

    private void Scale()
    {
        lock (state.Gate)
        {
            if (!up)
                return;
            foreach (FunctionSpec spec in profiles.Values.Where(it => it.Reservation > 0))
                GetBroker(spec);
            foreach (ControlBroker broker in brokers.Values.ToArray())
            {
                int count = broker.Judge();
                for (int i = 0; i < count; i++)
                    _ = LaunchAsync(broker.Spec.Name);
                if (count < 0)
                {
                    foreach (Worker worker in broker.Draw(-count))
                        _ = ShrinkAsync(worker);
                }
            }

            state.Changes.Pulse();
        }
    }

    private void OnRequestQueued(string function, int queued)
    {
        if (!up || !linked || !profiles.TryGetValue(function, out FunctionSpec? spec))
            return;
        int initiating = brokers.TryGetValue(function, out ControlBroker? broker) ? broker.Initiating : 0;
        if (spec.Disposable || queued >= initiating * spec.Profile.Worker.MaxActivateRequests)
            _ = LaunchAsync(function);
    }

    private async Task LaunchAsync(string function)
    {
        try
        {
            await launches.WaitAsync();
            try
            {
                Worker worker;
                Task<WorkerChannel> connected;
                lock (state.Gate)
                {
                    if (!up || !profiles.TryGetValue(function, out FunctionSpec? spec))
                        return;
                    ControlBroker broker = GetBroker(spec);
                    AssertRoom(broker);
                    worker = new Worker(NewName(function), $"{function}-{Guid.NewGuid()}", spec, Math.Floor(state.NowMs));
                    broker.Workers.Add(worker);
                    living.Add(worker);
                    data.Register(worker);
                    connected = starter.Hub.Expect(worker.Credential);
                    state.Changes.Pulse();
                }

                // Off the caller's stack: it may hold the gate.
                await Task.Run(() => BringUpAsync(worker, connected));
            }
            finally
            {
                launches.Release();
            }
        }
        catch (LaunchException error)
        {
            LogLaunchFailed(state.Logger, function, error.Message);
            data.FailPending(function, error.Message, error.Fatal);
        }
        catch (ObjectDisposedException)
        {
            // The node is ending.
        }
    }

    private async Task BringUpAsync(Worker worker, Task<WorkerChannel> connected)
    {
        WorkerProcess process;
        try
        {
            string code = CodeDirectory.Ensure(worker.Spec.Profile.Url);
            string runtime = worker.Spec.Profile.Runtime;
            if (!runtime.StartsWith("nodejs", StringComparison.Ordinal))
                throw LaunchException.Runtime(runtime);
            IReadOnlyList<Pair> variables;
            lock (state.Gate)
                variables = platform;
            await HangAsync(worker);
            process = starter.Start(worker, code, variables);
        }
        catch (LaunchException)
        {
            Remove(worker);
            throw;
        }
        catch (Exception error)
        {
            Remove(worker);
            throw LaunchException.Internal(error.Message);
        }

        bool unwanted;
        lock (state.Gate)
        {
            worker.Process = process;
            unwanted = worker.State != WorkerState.Created;
        }

        if (unwanted)
            process.Kill();
        _ = WatchAsync(worker, process);
        LogStarted(state.Logger, worker.Spec.Name, worker.Name, process.Pid);
        bool ready;
        try
        {
            ready = await InitializeAsync(worker, process, connected).WaitAsync(worker.Spec.InitializationTimeout, state.Clock);
        }
        catch (TimeoutException)
        {
            process.Kill();
            await worker.Gone.Task;
            throw LaunchException.InitializationTimeout(worker.Name, worker.Credential);
        }

        if (ready)
        {
            lock (state.Gate)
            {
                ready = worker.State == WorkerState.Created;
                if (ready)
                {
                    worker.State = WorkerState.Ready;
                    data.Bind(worker);
                    state.Changes.Pulse();
                }
            }
        }

        if (!ready)
        {
            process.Kill();
            await worker.Gone.Task;
            throw LaunchException.StoppedEarly(worker.Name);
        }
    }

    /// <summary>The fault of a dead process starter: until it is over, or the worker is given up, nothing happens.</summary>
    private async Task HangAsync(Worker worker)
    {
        while (true)
        {
            Task changed = state.Changes.Next();
            lock (state.Gate)
            {
                if (worker.State != WorkerState.Created)
                    throw LaunchException.StoppedEarly(worker.Name);
                if (!state.Faults.WorkerStartsHang)
                    return;
            }

            await changed;
        }
    }

    private async Task<bool> InitializeAsync(Worker worker, WorkerProcess process, Task<WorkerChannel> connected)
    {
        if (await Task.WhenAny(connected, process.Exited) != connected)
            return false;
        WorkerChannel channel = await connected;
        lock (state.Gate)
            worker.Channel = channel;
        channel.WhenDying(() => Leave(worker));
        _ = KillAfterAsync(channel, process);
        return await channel.InitializeAsync(
            CodeDirectory.Ensure(worker.Spec.Profile.Url), worker.Spec.Profile.Handler, worker.Spec.Profile.Initializer);
    }

    /// <summary>A worker without its connection is of no use to anybody.</summary>
    private static async Task KillAfterAsync(WorkerChannel channel, WorkerProcess process)
    {
        await channel.Closed;
        process.Kill();
    }

    private async Task WatchAsync(Worker worker, WorkerProcess process)
    {
        await process.Exited;
        starter.Hub.Forget(worker.Credential);
        WorkerChannel? channel;
        lock (state.Gate)
            channel = worker.Channel;

        // What the worker sent before it died is read first, so that its requests end as they should.
        if (channel is not null)
            await channel.Closed;
        LogExited(state.Logger, worker.Spec.Name, worker.Name);
        Remove(worker);
    }

    /// <summary>Takes a worker's traffic away and, when its requests have ended, the worker.</summary>
    private async Task ShrinkAsync(Worker worker)
    {
        Task? drained = null;
        lock (state.Gate)
        {
            if (worker.TrafficOff || worker.State != WorkerState.Ready)
                return;
            data.CloseTraffic(worker);
            if (worker.Active > 0)
            {
                worker.Drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                drained = worker.Drained.Task;
            }
        }

        if (drained is not null)
        {
            try
            {
                await drained.WaitAsync(state.Options.CloseTrafficTimeout, state.Clock);
            }
            catch (TimeoutException)
            {
                // A real node goes on as well: the time was its last offer.
            }
        }

        lock (state.Gate)
            data.Events.Report(worker, HostEvents.RequestDrained);
        _ = StopAsync(worker);
    }

    private async Task StopAsync(Worker worker)
    {
        WorkerProcess? process;
        lock (state.Gate)
        {
            Leave(worker);
            process = worker.Process;
        }

        // Without a process yet it is killed as soon as it has one.
        if (process is not null)
            await Task.Run(() => process.StopAsync(state.Options.StopGrace, state.Clock));
        await worker.Gone.Task;
    }

    private void Leave(Worker worker)
    {
        lock (state.Gate)
        {
            if (worker.State < WorkerState.PendingStop)
                worker.State = WorkerState.PendingStop;
            data.CloseTraffic(worker);
            state.Changes.Pulse();
        }
    }

    private void Remove(Worker worker)
    {
        lock (state.Gate)
        {
            worker.State = WorkerState.Stopped;
            data.Forget(worker);
            living.Remove(worker);
            if (brokers.TryGetValue(worker.Spec.Name, out ControlBroker? broker) && broker.Workers.Remove(worker)
                && broker.Workers.Count == 0)
            {
                brokers.Remove(worker.Spec.Name);
            }

            starter.Hub.Forget(worker.Credential);
            worker.Gone.TrySetResult();
            state.Changes.Pulse();
        }
    }

    /// <summary>A worker that outlived the control plane that started it is counted again.</summary>
    private void Adopt(Worker worker, FunctionSpec spec)
    {
        ControlBroker broker = GetBroker(spec);
        if (!broker.Workers.Contains(worker))
            broker.Workers.Add(worker);
    }

    private ControlBroker GetBroker(FunctionSpec spec)
    {
        if (!brokers.TryGetValue(spec.Name, out ControlBroker? broker))
            brokers.Add(spec.Name, broker = new ControlBroker(spec));
        return broker;
    }

    private void AssertRoom(ControlBroker broker)
    {
        int count = broker.Initiating + broker.Active;
        if (count >= broker.Spec.ReplicaLimit)
            throw LaunchException.ReplicaLimit(count, broker.Spec.ReplicaLimit);
        long used = brokers.Values.Sum(it => it.Active * it.Spec.Memory);
        if (used + broker.Spec.Memory > memoryPool)
            throw LaunchException.NoMemory(used, broker.Spec.Memory, memoryPool);
    }

    private static string NewName(string function)
    {
        var text = new StringBuilder(function.Length + 8);
        foreach (char c in function)
            text.Append(char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' ? c : '_');
        return text.Append('-').Append(RandomNumberGenerator.GetHexString(7, lowercase: true)).ToString();
    }

    [LoggerMessage(EventId = 200, Level = LogLevel.Information, Message = "Worker {Worker} of function {Function} started with pid {Pid}.")]
    private static partial void LogStarted(ILogger logger, string function, string worker, int pid);

    [LoggerMessage(EventId = 201, Level = LogLevel.Information, Message = "Worker {Worker} of function {Function} has ended.")]
    private static partial void LogExited(ILogger logger, string function, string worker);

    [LoggerMessage(EventId = 202, Level = LogLevel.Warning, Message = "No worker for function {Function}: {Reason}")]
    private static partial void LogLaunchFailed(ILogger logger, string function, string reason);
}
