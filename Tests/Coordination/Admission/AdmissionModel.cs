using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Tests.Coordination.Admission;

/// <summary>What admission promises, written as plainly as it goes: lists, one thread, no thought for speed.</summary>
internal sealed class AdmissionModel(int slots, int perFunction, int queue, double maxRetryAfter, long frequency)
{
    private readonly List<(long Window, string Function, long Ticks)> _served = [];
    private readonly int _windowShift = System.Numerics.BitOperations.Log2((ulong)frequency * 8);

    public List<ModelRequest> Open { get; } = [];

    public List<ModelRequest> Waiting { get; } = [];

    public long[] Ended { get; } = new long[4];

    public long Accepted { get; private set; }

    public long Epoch { get; set; }

    public RefusalReason? ClosedFor { get; set; }

    public IReadOnlySet<string>? Functions { get; set; }

    public void Ask(ModelRequest request, TimeSpan timeLeft, TimeSpan now)
    {
        if (ClosedFor is { } reason)
        {
            request.Refuse(reason, null);
            return;
        }

        if (Functions is not null && !Functions.Contains(request.Function))
        {
            request.Refuse(RefusalReason.UnknownFunction, null);
            return;
        }

        if (timeLeft <= TimeSpan.Zero && timeLeft != Timeout.InfiniteTimeSpan)
        {
            request.Refuse(RefusalReason.DeadlineUnreachable, RetryAfter(0));
            return;
        }

        if (HasRoom(request.Function))
        {
            Accept(request);
            return;
        }

        var wait = ExpectedWait(request.Function);
        if (Waiting.Count >= queue)
        {
            request.Refuse(RefusalReason.QueueFull, RetryAfter(wait));
            return;
        }

        if (timeLeft != Timeout.InfiniteTimeSpan && wait >= timeLeft.TotalSeconds)
        {
            request.Refuse(RefusalReason.DeadlineUnreachable, RetryAfter(wait));
            return;
        }

        request.Due = timeLeft == Timeout.InfiniteTimeSpan ? null : now + timeLeft;
        Waiting.Add(request);
    }

    public void End(ModelRequest request, Outcome outcome, long timestamp)
    {
        Close(request, outcome);
        if (outcome != Outcome.Abandoned && request.Epoch == Epoch)
        {
            _served.Add((timestamp >> _windowShift, request.Function, timestamp - request.AcceptedAt));
        }

        Serve();
    }

    public int AbandonAll()
    {
        var count = Open.Count;
        foreach (var request in Open.ToArray())
        {
            Close(request, Outcome.Abandoned);
        }

        Serve();
        return count;
    }

    public void RefuseWaiting(RefusalReason reason, Func<ModelRequest, bool> which)
    {
        foreach (var request in Waiting.Where(which).ToArray())
        {
            Waiting.Remove(request);
            request.Refuse(reason, null);
        }
    }

    public void PassDeadlines(TimeSpan now)
    {
        foreach (var request in Waiting.Where(w => w.Due <= now).OrderBy(w => w.Due).ToArray())
        {
            Waiting.Remove(request);
            request.Refuse(RefusalReason.DeadlineUnreachable, RetryAfter(ExpectedWait(request.Function)));
        }
    }

    private bool HasRoom(string function) =>
        Open.Count < slots && (perFunction == 0 || Open.Count(o => o.Function == function) < perFunction);

    private void Accept(ModelRequest request)
    {
        request.Accepted = true;
        request.Decided = true;
        request.Epoch = Epoch;
        Open.Add(request);
        Accepted++;
    }

    private void Close(ModelRequest request, Outcome outcome)
    {
        Open.Remove(request);
        request.Ended = true;
        Ended[(int)outcome]++;
    }

    private void Serve()
    {
        while (Waiting.Find(w => HasRoom(w.Function)) is { } request)
        {
            Waiting.Remove(request);
            Accept(request);
        }
    }

    private double ExpectedWait(string function)
    {
        double wait = 0;
        if (Open.Count >= slots)
        {
            foreach (var other in Waiting)
            {
                wait += (Mean(other.Function) ?? 0) / slots;
            }
        }

        return perFunction > 0
            ? Math.Max(wait, Waiting.Count(w => w.Function == function) * (Mean(function) ?? 0) / perFunction)
            : wait;
    }

    private double? Mean(string function) => MeanOf(s => s.Function == function) ?? MeanOf(_ => true);

    private double? MeanOf(Func<(long Window, string Function, long Ticks), bool> which)
    {
        var all = _served.Where(which).ToArray();
        if (all.Length == 0)
        {
            return null;
        }

        var newest = all.Max(s => s.Window);
        var last = all.Where(s => s.Window >= newest - 1).ToArray();
        return (double)(last.Sum(s => s.Ticks) / last.Length) / frequency;
    }

    private int RetryAfter(double wait) => (int)Math.Min(Math.Max(1, Math.Ceiling(wait)), Math.Floor(maxRetryAfter));
}

/// <summary>A request as the model sees it.</summary>
internal sealed class ModelRequest(string function)
{
    public string Function { get; } = function;

    public bool Decided { get; set; }

    public bool Accepted { get; set; }

    public bool Ended { get; set; }

    public bool GaveUp { get; set; }

    public long Epoch { get; set; }

    public long AcceptedAt { get; set; }

    public TimeSpan? Due { get; set; }

    public RefusalReason? Reason { get; private set; }

    public int? RetryAfterSeconds { get; private set; }

    public void Refuse(RefusalReason reason, int? retryAfter)
    {
        Decided = true;
        Reason = reason;
        RetryAfterSeconds = retryAfter;
    }
}
