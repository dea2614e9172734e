namespace NoslateFleet.Coordination.Invocations;

/// <summary>
/// Told when an instance begins and ceases to have invocations in flight. Called on the invocation's own thread, outside all locks, so
/// it must
/// be quick and must not throw. Edges that lie close together may be told in either order, or after the next one has
/// happened: take a call as a hint to read <see cref="InvocationLedger.InFlight"/>. After the last edge there is always one more
/// call, so that who reads it each time ends with the truth.
/// </summary>
public interface IActivityObserver
{
    /// <summary>The number in flight has left zero.</summary>
    void Busy();

    /// <summary>The number in flight has reached zero.</summary>
    void Idle();
}
