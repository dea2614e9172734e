using NoslateFleet.Emulator.ControlPlane;

namespace NoslateFleet.Emulator.Workers;

/// <summary>The life of a worker, as the control plane of a real node counts it.</summary>
public enum WorkerState
{
    /// <summary>Being started.</summary>
    Created = 0,

    /// <summary>Takes requests.</summary>
    Ready = 1,

    /// <summary>Takes no new requests; will be stopped.</summary>
    PendingStop = 2,

    /// <summary>Its process has ended.</summary>
    Stopped = 3,
}

/// <summary>One worker, known to both planes. Every mutable member is guarded by the node's gate.</summary>
internal sealed class Worker(string name, string credential, FunctionSpec spec, double registerTime)
{
    public string Name { get; } = name;

    public string Credential { get; } = credential;

    public FunctionSpec Spec { get; } = spec;

    /// <summary>Epoch milliseconds.</summary>
    public double RegisterTime { get; } = registerTime;

    public WorkerState State { get; set; }

    public WorkerProcess? Process { get; set; }

    public WorkerChannel? Channel { get; set; }

    /// <summary>Requests under way, live.</summary>
    public int Active { get; set; }

    /// <summary>Requests under way as the control plane last heard; null until it heard once.</summary>
    public int? ReportedActive { get; set; }

    public bool TrafficOff { get; set; }

    /// <summary>Set while somebody waits for the last request to end.</summary>
    public TaskCompletionSource? Drained { get; set; }

    /// <summary>Completes when the worker is gone and forgotten.</summary>
    public TaskCompletionSource Gone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
