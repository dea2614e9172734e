namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>How long the lifecycle's parts may take.</summary>
public sealed class LifecycleBudgets
{
    /// <summary>The initialisation, if the platform tells no other time. Default 60 s; Function Compute allows up to 300 s.</summary>
    public TimeSpan Initialize { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>/pre-freeze, from the call to its answer. Default 10 s.</summary>
    public TimeSpan Freeze { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A stop, from the call or signal to its end. Default 60 s. Not longer than the platform's own limit: Function Compute
    /// allows up to 90 s.
    /// </summary>
    public TimeSpan Stop { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long a draining instance still serves new requests, because endpoints are withdrawn late. Part of the stop budget. Default 0.
    /// </summary>
    public TimeSpan LameDuck { get; set; } = TimeSpan.Zero;

    /// <summary>Kept at the end of a freeze or stop for flushing and publishing. Default 1 s.</summary>
    public TimeSpan Flush { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Taken off every budget, so that the answer leaves before the platform's own limit. Default 0.5 s.</summary>
    public TimeSpan AnswerMargin { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>A hole in time longer than this is a freeze. Default 1 s.</summary>
    public TimeSpan ThawThreshold { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the first request after a thaw waits for the data plane's connection to be looked at. Default 1 s.</summary>
    public TimeSpan ThawCheck { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>What is left of a limit of the platform's, so that the answer leaves before it: less <see cref="AnswerMargin"/>, or half of one too short for that.</summary>
    /// <param name="limit">The limit.</param>
    public TimeSpan Answerable(TimeSpan limit) => limit > AnswerMargin * 2 ? limit - AnswerMargin : limit / 2;
}
