namespace NoslateFleet.Coordination.Functions;

/// <summary>What the board knows of one worker. Guarded by the board's lock.</summary>
/// <param name="fact">What was told of it.</param>
internal sealed class BoardWorker(WorkerFact fact)
{
    public WorkerFact Fact = fact;

    /// <summary>The mark of the last event about it; 0: only pictures told of it.</summary>
    public long Mark;
}
