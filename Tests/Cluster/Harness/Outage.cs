namespace NoslateFleet.Tests.Cluster.Harness;

/// <summary>How long things are away: briefly, unless NOSLATEFLEET_LONG is 1.</summary>
internal static class Outage
{
    /// <summary>Whether they are away for long, on a machine that does nothing else.</summary>
    public static readonly bool Long = Environment.GetEnvironmentVariable("NOSLATEFLEET_LONG") == "1";

    /// <summary>How long Redis is away.</summary>
    public static TimeSpan OfRedis => TimeSpan.FromSeconds(Long ? 30 : 4);

    /// <summary>A freeze that ends before the others give the silo up, which takes 4.7 s, as measured.</summary>
    public static TimeSpan ShortFreeze => TimeSpan.FromSeconds(2);

    /// <summary>A freeze past that.</summary>
    public static TimeSpan PastEviction => TimeSpan.FromSeconds(Long ? 30 : 12);
}
