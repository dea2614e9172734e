namespace NoslateFleet.Coordination.Fleet;

/// <summary>One thing an instance left in the directory for good, such as its last words.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Boot">The boot it is of.</param>
/// <param name="Epoch">The epoch it is of.</param>
/// <param name="At">When it happened, by the instance's clock.</param>
/// <param name="Json">The thing itself, as JSON.</param>
public sealed record InstanceRecord(RecordKind Kind, string Boot, long Epoch, DateTimeOffset At, string Json);
