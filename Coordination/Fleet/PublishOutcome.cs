namespace NoslateFleet.Coordination.Fleet;

/// <summary>What became of a snapshot in the directory.</summary>
public enum PublishOutcome
{
    /// <summary>It is the instance's last snapshot now.</summary>
    Published,

    /// <summary>The same boot has published a newer one already. Nothing was changed, and nothing is wrong.</summary>
    Stale,

    /// <summary>
    /// Another boot holds this epoch or a higher one. Nothing was changed. At its first contact a process takes that epoch plus one;
    /// later it means
    /// that another process bears the same instance id, and this one must stop publishing and say so.
    /// </summary>
    Fenced,
}
