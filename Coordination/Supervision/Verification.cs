namespace NoslateFleet.Coordination.Supervision;

/// <summary>What was found out about a supervised part.</summary>
/// <param name="Kind">Verified, Unsure or Broken.</param>
/// <param name="Detail">Why, in words; null if it is well.</param>
public sealed record Verification(SupervisorEventKind Kind, string? Detail)
{
    /// <summary>It can be relied on.</summary>
    public static Verification Well { get; } = new(SupervisorEventKind.Verified, null);

    /// <summary>It could not be found out: what knows can't be reached.</summary>
    /// <param name="detail">Why.</param>
    public static Verification Unsure(string detail) => new(SupervisorEventKind.Unsure, detail);

    /// <summary>It runs and does not work.</summary>
    /// <param name="detail">How it shows.</param>
    public static Verification Broken(string detail) => new(SupervisorEventKind.Broken, detail);
}
