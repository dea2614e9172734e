namespace NoslateFleet.Coordination.Functions;

/// <summary>What a picture tells of one function.</summary>
/// <param name="Name">The function's name.</param>
/// <param name="MaxActiveRequests">Requests that one worker takes at a time; null if unknown.</param>
/// <param name="Workers">All its workers; none: it has none.</param>
public sealed record FunctionFact(string Name, int? MaxActiveRequests, IReadOnlyList<WorkerFact> Workers);
