namespace NoslateFleet.Coordination.Fleet;

/// <summary>Tells listeners at once that something in the fleet has changed. Who misses a notice finds out when it reads next.</summary>
public interface IFleetNotices
{
    /// <summary>
    /// Listens, from now on and across lost connections. Told <see cref="FleetNotice.Anything"/> once it does, and again each time the
    /// connection has come back.
    /// </summary>
    /// <param name="instanceId">The instance whose orders are listened for; null: nobody's, only what concerns the whole fleet.</param>
    /// <param name="handler">Called one at a time, on any thread; must be quick and must not throw.</param>
    /// <returns>Ends the listening when disposed of.</returns>
    IDisposable Listen(string? instanceId, Action<FleetNotice> handler);
}
