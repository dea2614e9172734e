namespace NoslateFleet.Coordination.Functions;

/// <summary>All workers of all functions, as the node told them.</summary>
/// <param name="Mark">
/// Taken from <see cref="FunctionBoard.Mark"/> before the node was asked: what the board heard since then is newer than the picture,
/// whatever
/// the clocks say.
/// </param>
/// <param name="AsOf">When the node told it, for people to read.</param>
/// <param name="Functions">Each function that has a profile or a worker.</param>
public sealed record WorkersPicture(long Mark, DateTimeOffset AsOf, IReadOnlyList<FunctionFact> Functions);
