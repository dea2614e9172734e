namespace NoslateFleet.Coordination.Invocations;

/// <summary>An invocation in flight.</summary>
/// <param name="Target">The function's or service's name.</param>
/// <param name="RequestId">The request's id.</param>
/// <param name="Age">Time since it was accepted.</param>
/// <param name="Epoch">The instance's epoch in which it was accepted.</param>
public sealed record OpenInvocation(string Target, string RequestId, TimeSpan Age, long Epoch);
