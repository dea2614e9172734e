using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Admission;

/// <summary>An admission with its ledger, on a clock that the test moves.</summary>
internal sealed class AdmissionUnderTest
{
    public AdmissionUnderTest(int slots = 1, int perFunction = 0, int queue = 10, TimeSpan? maxRetryAfter = null)
    {
        Ledger = new InvocationLedger(Clock, 4);
        Admission = new AdmissionController(
            Ledger,
            new AdmissionOptions
            {
                MaxConcurrent = slots,
                MaxConcurrentPerFunction = perFunction,
                MaxQueued = queue,
                MaxRetryAfter = maxRetryAfter ?? TimeSpan.FromSeconds(60),
            },
            Clock);
    }

    public ManualTimeProvider Clock { get; } = new();

    public InvocationLedger Ledger { get; }

    public AdmissionController Admission { get; }

    /// <summary>Asks; the answer may take its time.</summary>
    public Task<AdmissionResult> AskAsync(string function = "f", TimeSpan? timeLeft = null, CancellationToken cancellation = default) =>
        Admission.AdmitAsync(function, "r", timeLeft ?? Timeout.InfiniteTimeSpan, cancellation).AsTask();

    /// <summary>Asks, and must be accepted at once.</summary>
    public Ticket Admit(string function = "f")
    {
        var asked = AskAsync(function);
        Assert.True(asked.IsCompletedSuccessfully, "had to wait");
        Assert.True(asked.Result.Accepted, "was refused");
        return asked.Result.Ticket;
    }

    /// <summary>Asks, and must be put into the queue.</summary>
    public Task<AdmissionResult> Queue(string function = "f", TimeSpan? timeLeft = null, CancellationToken cancellation = default)
    {
        var before = Admission.Queued;
        var asked = AskAsync(function, timeLeft, cancellation);
        Assert.Equal(before + 1, Admission.Queued);
        Assert.False(asked.IsCompleted);
        return asked;
    }

    /// <summary>Asks, and must be refused at once.</summary>
    public AdmissionResult Refuse(RefusalReason reason, string function = "f", TimeSpan? timeLeft = null)
    {
        var before = Ledger.Snapshot();
        var asked = AskAsync(function, timeLeft);
        Assert.True(asked.IsCompletedSuccessfully, "had to wait");
        Assert.False(asked.Result.Accepted);
        Assert.Equal(reason, asked.Result.Reason);
        Assert.Equal(before, Ledger.Snapshot());
        Assert.False(asked.Result.Ticket.TryEnd(NoslateFleet.Coordination.Invocations.Outcome.Completed));
        return asked.Result;
    }

    /// <summary>Lets one invocation take this long, so that the mean is known.</summary>
    public void Serve(TimeSpan time, string function = "f")
    {
        var ticket = Admit(function);
        Clock.Advance(time);
        Assert.True(ticket.TryEnd(NoslateFleet.Coordination.Invocations.Outcome.Completed));
    }
}

internal static class Settling
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    public static async Task<Ticket> AcceptedAsync(this Task<AdmissionResult> asked)
    {
        var result = await asked.WaitAsync(_patience);
        Assert.True(result.Accepted, result.Accepted ? "" : result.Reason.ToString());
        return result.Ticket;
    }

    public static async Task<AdmissionResult> RefusedAsync(this Task<AdmissionResult> asked, RefusalReason reason)
    {
        var result = await asked.WaitAsync(_patience);
        Assert.False(result.Accepted);
        Assert.Equal(reason, result.Reason);
        return result;
    }
}
