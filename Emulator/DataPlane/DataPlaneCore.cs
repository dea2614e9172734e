using NoslateFleet.Emulator.ControlPlane;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Emulator.Workers;
using NoslateFleet.Noslate.Protocol.Data;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>What the data plane knows: the profiles the control plane gave it, its brokers, services and breaker.</summary>
internal sealed class DataPlaneCore : IDisposable
{
    private readonly NodeState state;
    private readonly Dictionary<string, FunctionSpec> profiles = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FunctionBroker> brokers = new(StringComparer.Ordinal);
    private readonly ITimer? breakerTimer;

    public DataPlaneCore(NodeState state, HostEvents events, Func<double> load)
    {
        this.state = state;
        Events = events;
        Breaker = new CircuitBreaker(state.Options, load);
        Echo = state.Options.BuiltInEcho ? new BuiltInEcho() : null;
        if (state.Options.CircuitBreaker)
        {
            TimeSpan second = TimeSpan.FromSeconds(1);
            breakerTimer = state.Clock.CreateTimer(_ => CheckBreaker(), null, second, second);
        }
    }

    public HostEvents Events { get; }

    public CircuitBreaker Breaker { get; }

    /// <summary>The built-in function; null when it is switched off.</summary>
    public BuiltInEcho? Echo { get; }

    public ServiceTable Services { get; } = new();

    /// <summary>Told when a request had to be queued: function, how many are queued. Called under the gate.</summary>
    public Action<string, int>? RequestQueued { get; set; }

    /// <summary>Told when a disposable worker has done its one request. Called under the gate.</summary>
    public Action<Worker>? Used { get; set; }

    public IEnumerable<FunctionBroker> Brokers => brokers.Values;

    /// <summary>Finds a worker for a request, now or when one gets free.</summary>
    /// <exception cref="InvokeException">There is none to be had.</exception>
    public Task<Worker> AcquireAsync(string function, double deadline, string requestId)
    {
        lock (state.Gate)
        {
            if (Breaker.Open)
                throw InvokeException.BreakerOpen();
            FunctionBroker broker = FindBroker(function) ?? throw InvokeException.UnknownFunction(function);
            if (!broker.TryTakeToken())
                throw InvokeException.RateLimited();
            if (broker.TryDispatch() is { } worker)
            {
                state.Changes.Pulse();
                return Task.FromResult(worker);
            }

            if (broker.Spec.Profile.Worker.DisableRequestQueue && !broker.Spec.Disposable)
            {
                AnnounceQueueing(broker, requestId);
                throw InvokeException.QueueDisabled(function);
            }

            var pending = new PendingRequest();
            LinkedListNode<PendingRequest> node = broker.Enqueue(pending);
            pending.Timer = state.Clock.CreateTimer(
                _ => Expire(broker, node, deadline, requestId), null, Deadline.Left(deadline, state.NowMs), Timeout.InfiniteTimeSpan);
            AnnounceQueueing(broker, requestId);
            state.Changes.Pulse();
            return pending.Assigned.Task;
        }
    }

    /// <summary>Ends a request that <see cref="AcquireAsync"/> gave a worker for.</summary>
    public void Release(Worker worker)
    {
        lock (state.Gate)
        {
            if (brokers.TryGetValue(worker.Spec.Name, out FunctionBroker? broker))
                broker.Release(worker);
            else
                worker.Active--;
            if (worker.Active == 0)
                worker.Drained?.TrySetResult();
            if (worker.Spec.Disposable)
                Used?.Invoke(worker);
            CleanBroker(worker.Spec.Name);
            state.Changes.Pulse();
        }
    }

    public void SetProfiles(IEnumerable<FunctionSpec> specs)
    {
        lock (state.Gate)
        {
            profiles.Clear();
            foreach (FunctionSpec spec in specs)
            {
                profiles[spec.Name] = spec;
                if (brokers.TryGetValue(spec.Name, out FunctionBroker? broker))
                    broker.Update(spec);
            }

            foreach (string name in brokers.Keys.ToArray())
                CleanBroker(name);
            state.Changes.Pulse();
        }
    }

    /// <summary>Forgets everything, as a restarted data plane has.</summary>
    public void Reset()
    {
        lock (state.Gate)
        {
            foreach (FunctionBroker broker in brokers.Values)
                broker.FailAll(InvokeException.SessionClosed());
            brokers.Clear();
            profiles.Clear();
            Services.Clear();
            state.Changes.Pulse();
        }
    }

    /// <summary>Makes a worker known that is being started.</summary>
    public void Register(Worker worker)
    {
        lock (state.Gate)
            FindBroker(worker.Spec.Name)?.Known.Add(worker);
    }

    /// <summary>Gives an initialized worker its share of the requests.</summary>
    public void Bind(Worker worker)
    {
        lock (state.Gate)
        {
            if (!brokers.TryGetValue(worker.Spec.Name, out FunctionBroker? broker))
                return;
            if (!broker.Known.Contains(worker))
                broker.Known.Add(worker);
            broker.AddReady(worker);
            Events.Report(worker, HostEvents.ContainerInstalled);
        }
    }

    /// <summary>Gives a worker no more requests.</summary>
    public void CloseTraffic(Worker worker)
    {
        lock (state.Gate)
        {
            worker.TrafficOff = true;
            if (brokers.TryGetValue(worker.Spec.Name, out FunctionBroker? broker))
                broker.RemoveReady(worker);
        }
    }

    /// <summary>Forgets a worker whose connection is gone.</summary>
    public void Forget(Worker worker)
    {
        lock (state.Gate)
        {
            if (brokers.TryGetValue(worker.Spec.Name, out FunctionBroker? broker) && broker.Known.Remove(worker))
            {
                broker.RemoveReady(worker);
                if (worker.Channel is not null)
                    Events.Report(worker, HostEvents.ContainerDisconnected);
            }

            CleanBroker(worker.Spec.Name);
        }
    }

    /// <summary>Fails the waiting requests of a function whose worker could not be started.</summary>
    public void FailPending(string function, string message, bool fatal)
    {
        lock (state.Gate)
        {
            if (!brokers.TryGetValue(function, out FunctionBroker? broker))
                return;
            if (fatal || broker.Spec.Profile.Worker.FastFailRequestsOnStarting)
                broker.FailAll(InvokeException.StartFailed(message));
            state.Changes.Pulse();
        }
    }

    public WorkerTrafficStatsResponse GetTraffic()
    {
        var response = new WorkerTrafficStatsResponse();
        lock (state.Gate)
        {
            foreach (FunctionBroker broker in brokers.Values)
            {
                response.Brokers.Add(new BrokerStats
                {
                    FunctionName = broker.Spec.Name,
                    Concurrency = broker.Active + broker.Queued,
                    Workers = { broker.Known.Select(it => new WorkerStats { Name = it.Name, ActiveRequestCount = it.Active }) },
                });
            }
        }

        return response;
    }

    public void Dispose() => breakerTimer?.Dispose();

    public FunctionBroker? FindBroker(string function)
    {
        if (brokers.TryGetValue(function, out FunctionBroker? broker))
            return profiles.ContainsKey(function) ? broker : null;
        if (!profiles.TryGetValue(function, out FunctionSpec? spec))
            return null;
        broker = new FunctionBroker(state, spec);
        brokers.Add(function, broker);
        return broker;
    }

    private void CleanBroker(string function)
    {
        if (!profiles.ContainsKey(function) && brokers.TryGetValue(function, out FunctionBroker? broker)
            && broker.Known.Count == 0 && broker.Queued == 0)
        {
            brokers.Remove(function);
        }
    }

    private void AnnounceQueueing(FunctionBroker broker, string requestId)
    {
        Events.Queueing(broker.Spec.Name, broker.Queued, requestId);
        RequestQueued?.Invoke(broker.Spec.Name, broker.Queued);
    }

    private void Expire(FunctionBroker broker, LinkedListNode<PendingRequest> node, double deadline, string requestId)
    {
        lock (state.Gate)
        {
            if (!broker.TryRemove(node))
                return;
            node.Value.Timer?.Dispose();
            CleanBroker(broker.Spec.Name);
        }

        node.Value.Assigned.TrySetException(InvokeException.QueueTimeout(Deadline.Print(deadline), requestId));
        _ = node.Value.Assigned.Task.Exception;
        state.Changes.Pulse();
    }

    private void CheckBreaker()
    {
        lock (state.Gate)
            Breaker.Check(brokers.Values.Sum(it => it.Active), brokers.Values.Sum(it => it.Queued));
        state.Changes.Pulse();
    }
}
