namespace NoslateFleet.Coordination.Invocations;

/// <summary>One function's invocations at one instant.</summary>
/// <param name="Name">The function's or service's name; <c>(other)</c> for all names that found no room of their own.</param>
/// <param name="Accepted">Invocations accepted so far.</param>
/// <param name="Completed">Of these, ended as <see cref="Outcome.Completed"/>.</param>
/// <param name="Failed">Ended as <see cref="Outcome.Failed"/>.</param>
/// <param name="Cancelled">Ended as <see cref="Outcome.Cancelled"/>.</param>
/// <param name="Abandoned">Ended as <see cref="Outcome.Abandoned"/>.</param>
/// <param name="InFlight">The open tickets, counted one by one.</param>
/// <param name="MeanServiceTime">
/// Moving mean of the time from acceptance to end, of what ended in the last two windows of some seconds in which anything ended; null if
/// nothing has. Invocations given up, and those that outlived a thaw, are not in it.
/// </param>
/// <param name="ColdStarts">Invocations accepted while the function was known to be Cold or Warming.</param>
/// <param name="ColdStartsAvoided">Invocations accepted while the function was known to be Warm.</param>
public sealed record FunctionCounters(
    string Name,
    long Accepted,
    long Completed,
    long Failed,
    long Cancelled,
    long Abandoned,
    int InFlight,
    TimeSpan? MeanServiceTime,
    long ColdStarts,
    long ColdStartsAvoided)
{
    /// <summary>Requests that were not accepted: for want of a slot in time, or because the instance or the function takes nothing new. In none of the others.</summary>
    public long Refused { get; init; }

    /// <summary>Accepted less all that is accounted for. The conservation law says that this is 0 at every instant.</summary>
    public long Drift => Accepted - Completed - Failed - Cancelled - Abandoned - InFlight;

    /// <summary>The counters of several functions together.</summary>
    /// <param name="name">The name to tell them by.</param>
    /// <param name="all">What is to be summed up.</param>
    internal static FunctionCounters Sum(string name, IReadOnlyCollection<FunctionCounters> all)
    {
        var timed = all.Where(static c => c.MeanServiceTime is not null).ToList();
        var ended = timed.Sum(static c => (double)Ended(c));
        return new(
            name,
            all.Sum(static c => c.Accepted),
            all.Sum(static c => c.Completed),
            all.Sum(static c => c.Failed),
            all.Sum(static c => c.Cancelled),
            all.Sum(static c => c.Abandoned),
            all.Sum(static c => c.InFlight),
            ended > 0 ? timed.Aggregate(TimeSpan.Zero, (mean, c) => mean + (c.MeanServiceTime!.Value * (Ended(c) / ended))) : null,
            all.Sum(static c => c.ColdStarts),
            all.Sum(static c => c.ColdStartsAvoided))
        {
            Refused = all.Sum(static c => c.Refused),
        };

        static long Ended(FunctionCounters c) => c.Completed + c.Failed + c.Cancelled;
    }
}
