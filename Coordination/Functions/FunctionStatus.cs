using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Functions;

/// <summary>One function on this instance.</summary>
/// <param name="Name">The function's or service's name.</param>
/// <param name="Temperature">How soon it could take a request; null while the node has told nothing yet.</param>
/// <param name="Workers">Its workers, by name.</param>
/// <param name="Counters">Its invocations.</param>
/// <param name="AsOf">When what is said of its workers was heard last; null while nothing was.</param>
public sealed record FunctionStatus(
    string Name,
    FunctionTemperature? Temperature,
    IReadOnlyList<WorkerFact> Workers,
    FunctionCounters Counters,
    DateTimeOffset? AsOf);
