using NoslateFleet.Emulator.Workers;

namespace NoslateFleet.Emulator.ControlPlane;

/// <summary>One function in the control plane: its workers and how its load was judged. Guarded by the node's gate.</summary>
internal sealed class ControlBroker(FunctionSpec spec)
{
    /// <summary>Idle judgements in a row at which workers are taken away.</summary>
    private const int ShrinkAt = 6;

    private const double ShrinkLevel = 0.6;
    private const double ExpandLevel = 0.8;

    /// <summary>The load that scaling aims at.</summary>
    private const double Target = 0.7;

    public FunctionSpec Spec { get; set; } = spec;

    public List<Worker> Workers { get; } = [];

    public int RedundantTimes { get; private set; }

    public int Initiating => Workers.Count(it => it.State == WorkerState.Created);

    public int Active => Workers.Count(it => it.State == WorkerState.Ready);

    /// <summary>How many workers to add, or, below zero, to take away. Counts an idle judgement, so call it once per look.</summary>
    public int Judge()
    {
        if (Spec.Disposable)
            return 0;
        int active = Active;
        int count = active == 0 ? 0 : JudgeLevel(active);
        if (active < Spec.Reservation)
            return Math.Max(count, Spec.Reservation - active - Initiating);
        return active + count < Spec.Reservation ? Spec.Reservation - active : count;
    }

    /// <summary>Chooses the workers to take away, by the profile's strategy.</summary>
    public IReadOnlyList<Worker> Draw(int count)
    {
        IEnumerable<Worker> ready = Workers.Where(it => it.State == WorkerState.Ready && !it.TrafficOff);
        IOrderedEnumerable<Worker> order = Spec.Profile.Worker.ShrinkStrategy switch
        {
            "FILO" => ready.OrderByDescending(it => it.RegisterTime),
            "FIFO" => ready.OrderBy(it => it.RegisterTime),
            _ => ready.OrderBy(it => it.ReportedActive ?? 0),
        };
        return [.. order.ThenBy(it => it.Credential, StringComparer.Ordinal).Take(count)];
    }

    private int JudgeLevel(int active)
    {
        int perWorker = Spec.Profile.Worker.MaxActivateRequests;
        int total = perWorker * active;
        int requests = Workers.Where(it => it.State == WorkerState.Ready).Sum(it => it.ReportedActive ?? 0);
        double level = (double)requests / total;
        bool lastBusy = active == 1 && requests != 0;
        if (level <= ShrinkLevel && active > Spec.Reservation && !lastBusy)
        {
            if (++RedundantTimes < ShrinkAt)
                return 0;
            RedundantTimes = 0;
            int spare = (int)Math.Floor((total - (requests / Target)) / perWorker);
            return -Math.Min(spare, active - Spec.Reservation);
        }

        RedundantTimes = 0;
        if (level < ExpandLevel)
            return 0;
        int missing = (int)Math.Ceiling(((requests / Target) - total) / perWorker);
        return Math.Max(Math.Min(missing, Spec.ReplicaLimit - active), 0);
    }
}
