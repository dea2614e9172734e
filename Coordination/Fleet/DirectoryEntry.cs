namespace NoslateFleet.Coordination.Fleet;

/// <summary>An instance as the directory knows it.</summary>
/// <param name="Snapshot">Its last snapshot.</param>
/// <param name="ReceivedAt">When the directory received it, by the directory's own clock.</param>
public sealed record DirectoryEntry(InstanceSnapshot Snapshot, DateTimeOffset ReceivedAt);
