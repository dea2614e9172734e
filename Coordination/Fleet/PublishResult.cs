namespace NoslateFleet.Coordination.Fleet;

/// <summary>The directory's answer to a snapshot.</summary>
/// <param name="Outcome">What became of it.</param>
/// <param name="HolderBoot">The boot that holds the instance's lease now.</param>
/// <param name="HolderEpoch">The epoch it holds it with.</param>
public sealed record PublishResult(PublishOutcome Outcome, string HolderBoot, long HolderEpoch);
