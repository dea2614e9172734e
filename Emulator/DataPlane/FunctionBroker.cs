using NoslateFleet.Emulator.ControlPlane;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Emulator.Workers;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>A request that waits for a worker.</summary>
internal sealed class PendingRequest
{
    public TaskCompletionSource<Worker> Assigned { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ITimer? Timer { get; set; }
}

/// <summary>One function in the data plane: its ready workers, who is next, and who waits. Guarded by the node's gate.</summary>
internal sealed class FunctionBroker
{
    private readonly NodeState state;
    private readonly LinkedList<PendingRequest> queue = new();
    private readonly List<Worker> workers = [];
    private TokenBucket? bucket;
    private int roundRobinActive;

    public FunctionBroker(NodeState state, FunctionSpec spec)
    {
        this.state = state;
        Spec = spec;
        bucket = MakeBucket(spec);
    }

    public FunctionSpec Spec { get; private set; }

    /// <summary>Every worker the data plane knows of this function, in the order of their start.</summary>
    public List<Worker> Known { get; } = [];

    public int Queued => queue.Count;

    public int Active => Known.Sum(it => it.Active);

    /// <summary>How many requests were given to workers so far.</summary>
    public long Dispatched { get; private set; }

    private bool RoundRobin => Spec.Profile.Worker.DispatchMode == "round-robin";

    public void Update(FunctionSpec spec)
    {
        if (!Equals(spec.Profile.RateLimit, Spec.Profile.RateLimit))
            bucket = MakeBucket(spec);
        Spec = spec;
    }

    public bool TryTakeToken() => bucket?.TryTake() ?? true;

    /// <summary>Gives the request to a worker with room, unless others wait already.</summary>
    public Worker? TryDispatch()
    {
        if (queue.Count > 0)
            return null;
        Worker? worker = Pick();
        if (worker is not null)
            Take(worker);
        return worker;
    }

    public LinkedListNode<PendingRequest> Enqueue(PendingRequest request) => queue.AddLast(request);

    /// <summary>Takes a request out of the queue; false if it was given to a worker or failed meanwhile.</summary>
    public bool TryRemove(LinkedListNode<PendingRequest> node)
    {
        if (node.List is null)
            return false;
        queue.Remove(node);
        return true;
    }

    public void FailAll(InvokeException error)
    {
        while (queue.First is { } node)
        {
            queue.RemoveFirst();
            node.Value.Timer?.Dispose();
            node.Value.Assigned.TrySetException(error);
            _ = node.Value.Assigned.Task.Exception;
        }
    }

    public void AddReady(Worker worker)
    {
        workers.Add(worker);
        Consume();
    }

    public void RemoveReady(Worker worker) => workers.Remove(worker);

    /// <summary>Ends a request of a worker.</summary>
    public void Release(Worker worker)
    {
        worker.Active--;
        roundRobinActive--;
        if (worker.Active == 0)
            worker.Drained?.TrySetResult();
        Consume();
    }

    private void Consume()
    {
        while (queue.First is { } node)
        {
            Worker? worker = Pick();
            if (worker is null)
                return;
            queue.RemoveFirst();
            node.Value.Timer?.Dispose();
            Take(worker);
            node.Value.Assigned.TrySetResult(worker);
        }
    }

    private void Take(Worker worker)
    {
        worker.Active++;
        roundRobinActive++;
        Dispatched++;
        if (Spec.Disposable)
            workers.Remove(worker);
    }

    private Worker? Pick()
    {
        if (workers.Count == 0)
            return null;
        if (Spec.Disposable)
            return workers[0];
        if (RoundRobin)
        {
            if (roundRobinActive >= Spec.MaxActive * Spec.ReplicaLimit)
                return null;
            Worker next = workers[0];
            workers.RemoveAt(0);
            workers.Add(next);
            return next;
        }

        Worker least = workers[0];
        foreach (Worker worker in workers)
        {
            if (worker.Active < least.Active)
                least = worker;
        }

        return least.Active < Spec.MaxActive ? least : null;
    }

    private TokenBucket? MakeBucket(FunctionSpec spec) =>
        spec.Profile.RateLimit is { } limit ? new TokenBucket(limit, state.Clock) : null;
}
