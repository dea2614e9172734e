namespace NoslateFleet.Coordination.Functions;

/// <summary>What is known of one worker.</summary>
/// <param name="Name">Its name on the node.</param>
/// <param name="State">What it is doing.</param>
/// <param name="ActiveRequests">Requests it holds.</param>
/// <param name="MaxActiveRequests">Requests it takes at a time; null if unknown, then <see cref="FunctionBoard.UsualMaxActiveRequests"/>
/// are assumed.</param>
public sealed record WorkerFact(string Name, WorkerState State, int ActiveRequests, int? MaxActiveRequests);
