using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Grains.Placement;
using Orleans;
using Orleans.Concurrency;

namespace NoslateFleet.Grains.Functions;

/// <summary>
/// A function on an instance, keyed by <see cref="GrainKeys.OfFunction"/>. Every method answers at once: none waits for a slot, nor for
/// an end. Where the instance can't be reached, calls throw <see cref="InstanceUnreachableException"/>.
/// </summary>
[Alias("noslatefleet.function")]
public interface IFunctionGrain : IGrainWithStringKey
{
    /// <summary>
    /// Decides about a ticket that a request of the grain's own instance asks for; asked again, tells what was decided. One that is Queued
    /// is waited for outside the grain.
    /// </summary>
    /// <param name="ticket">The ticket's id. One that nobody asks for there is Unknown: tickets can't be taken from elsewhere.</param>
    [Alias("admit")]
    ValueTask<AdmissionDecision> AdmitAsync(TicketId ticket);

    /// <summary>Closes a ticket, if nobody has yet. No answer comes back.</summary>
    /// <param name="ticket">The ticket's id.</param>
    /// <param name="outcome">How the invocation ended.</param>
    [Alias("complete")]
    [OneWay]
    ValueTask CompleteAsync(TicketId ticket, Outcome outcome);

    /// <summary>How warm the function is, its workers and its counters.</summary>
    [Alias("report")]
    ValueTask<FunctionReport> ReportAsync();

    /// <summary>
    /// Refuses new invocations of this function, and those that wait, with reason Draining; what is in flight ends as it would. Until
    /// <see cref="UndrainAsync"/>, or a restart of the process. Drained already, nothing changes.
    /// </summary>
    /// <returns>The function then; not <see cref="FunctionReport.Draining"/> if the instance has no such function of its own.</returns>
    [Alias("drain")]
    ValueTask<FunctionReport> DrainAsync();

    /// <summary>Admits this function's invocations again.</summary>
    /// <returns>The function then.</returns>
    [Alias("undrain")]
    ValueTask<FunctionReport> UndrainAsync();

    /// <summary>Answers, and so activates the grain ahead of the first invocation.</summary>
    [Alias("ping")]
    ValueTask PingAsync();
}
