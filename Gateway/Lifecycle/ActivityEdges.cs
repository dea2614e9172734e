using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>Tells the lifecycle's account when work begins and ends, and the fleet's publisher when it has ended.</summary>
internal sealed class ActivityEdges(InstanceLifecycle lifecycle, FleetPublisher publisher) : IActivityObserver
{
    public void Busy() => lifecycle.ActivityChanged();

    public void Idle()
    {
        lifecycle.ActivityChanged();
        publisher.Idle();
    }
}
