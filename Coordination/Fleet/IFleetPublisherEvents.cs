namespace NoslateFleet.Coordination.Fleet;

/// <summary>Told of what people should know of the publishing. Once each, however many attempts fail. Must be quick and must not throw.</summary>
public interface IFleetPublisherEvents
{
    /// <summary>The directory can't be reached: publishing is tried again, ever less often, until it can.</summary>
    /// <param name="error">Why.</param>
    void OutageBegan(Exception error);

    /// <summary>The directory has the instance's snapshot again.</summary>
    /// <param name="lasted">How long it had none.</param>
    void OutageOver(TimeSpan lasted);

    /// <summary>Another process bears this instance's id: this one publishes no more.</summary>
    /// <param name="boot">The other's boot.</param>
    /// <param name="epoch">Its epoch.</param>
    void Fenced(string boot, long epoch);
}
