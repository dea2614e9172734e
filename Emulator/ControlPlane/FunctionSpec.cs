using NoslateFleet.Noslate.Protocol.Common;

namespace NoslateFleet.Emulator.ControlPlane;

/// <summary>A function's profile with the defaults that a real node fills in.</summary>
internal sealed class FunctionSpec
{
    private const int DefaultMemory = 512 * 1024 * 1024;

    public FunctionSpec(FunctionProfile pushed)
    {
        Profile = pushed.Clone();
        Profile.ResourceLimit ??= new ResourceLimit();
        Profile.Worker ??= new FunctionProfileWorker();
        if (Profile.ResourceLimit.Memory == 0)
            Profile.ResourceLimit.Memory = DefaultMemory;
        FunctionProfileWorker worker = Profile.Worker;
        worker.InitializationTimeout = Or(worker.InitializationTimeout, 10_000);
        worker.MaxActivateRequests = Or(worker.MaxActivateRequests, 10);
        worker.ReplicaCountLimit = Or(worker.ReplicaCountLimit, 10);
        if (worker.ShrinkStrategy.Length == 0)
            worker.ShrinkStrategy = "LCC";
    }

    /// <summary>The profile with defaults. Never changed after construction.</summary>
    public FunctionProfile Profile { get; }

    public string Name => Profile.Name;

    public int MaxActive => Disposable ? 1 : Profile.Worker.MaxActivateRequests;

    public int ReplicaLimit => Profile.Worker.ReplicaCountLimit;

    public int Reservation => Disposable ? 0 : Profile.Worker.ReservationCount;

    public bool Disposable => Profile.Worker.Disposable;

    public long Memory => Profile.ResourceLimit.Memory;

    public TimeSpan InitializationTimeout => TimeSpan.FromMilliseconds(Math.Max(Profile.Worker.InitializationTimeout, 0));

    /// <summary>Whether a worker of the other profile can't serve this one: code, handler or resources differ.</summary>
    public bool NeedsOtherWorkers(FunctionSpec other) =>
        Profile.Runtime != other.Profile.Runtime
        || Profile.Url != other.Profile.Url
        || Profile.Signature != other.Profile.Signature
        || Profile.SourceFile != other.Profile.SourceFile
        || Profile.Handler != other.Profile.Handler
        || Profile.Initializer != other.Profile.Initializer
        || Profile.ResourceLimit.Memory != other.Profile.ResourceLimit.Memory
        || !Profile.ResourceLimit.Cpu.Equals(other.Profile.ResourceLimit.Cpu);

    private static int Or(int value, int standard) => value == 0 ? standard : value;
}
