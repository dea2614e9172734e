namespace NoslateFleet.Coordination.Invocations;

/// <summary>The ledger at one instant.</summary>
/// <param name="Accepted">Invocations accepted so far.</param>
/// <param name="Completed">Of these, ended as <see cref="Outcome.Completed"/>.</param>
/// <param name="Failed">Ended as <see cref="Outcome.Failed"/>.</param>
/// <param name="Cancelled">Ended as <see cref="Outcome.Cancelled"/>.</param>
/// <param name="Abandoned">Ended as <see cref="Outcome.Abandoned"/>.</param>
/// <param name="InFlight">The open tickets, counted one by one.</param>
/// <param name="InFlightOfOlderEpochs">Of the open tickets, those accepted in an epoch before the present one.</param>
public sealed record LedgerSnapshot(
    long Accepted, long Completed, long Failed, long Cancelled, long Abandoned, int InFlight, int InFlightOfOlderEpochs = 0)
{
    /// <summary>Accepted less all that is accounted for. The conservation law says that this is 0 at every instant.</summary>
    public long Drift => Accepted - Completed - Failed - Cancelled - Abandoned - InFlight;
}
