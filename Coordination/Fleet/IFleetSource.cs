namespace NoslateFleet.Coordination.Fleet;

/// <summary>What the publisher asks the instance that it tells of. Called by several threads; must be quick and must not throw.</summary>
public interface IFleetSource
{
    /// <summary>How many tickets are open. Cheap.</summary>
    int InFlight { get; }

    /// <summary>The instance as it is now; the publisher sets the sequence, the topology, and what it means to do next.</summary>
    InstanceSnapshot Read();

    /// <summary>An earlier process of the same instance has lived up to the epoch before this one: takes it, unless its own is higher.</summary>
    /// <param name="epoch">The least epoch.</param>
    void RaiseEpoch(long epoch);
}
