namespace NoslateFleet.Coordination.Fleet;

/// <summary>What the publisher tells of. Safe under concurrent callers; nothing in it waits.</summary>
public interface ISnapshotSource
{
    /// <summary>The instance.</summary>
    string InstanceId { get; }

    /// <summary>The process.</summary>
    string Boot { get; }

    /// <summary>Open tickets.</summary>
    int InFlight { get; }

    /// <summary>Invocations accepted so far.</summary>
    long Accepted { get; }

    /// <summary>A snapshot of the instance as it is now, all but what only the publisher knows.</summary>
    /// <param name="sequence">Its number.</param>
    InstanceSnapshot Take(long sequence);

    /// <summary>Recorder events and receipts that came after a mark, oldest first.</summary>
    /// <param name="mark">Up to where they were taken before; 0 for all. Moved on by the call.</param>
    IReadOnlyList<InstanceRecord> RecordsAfter(ref long mark);

    /// <summary>An earlier process of this instance has published with an epoch up to here: this one's begins above it.</summary>
    /// <param name="epoch">The least epoch of this process.</param>
    void RaiseEpoch(long epoch);
}
