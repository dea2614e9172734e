using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>Tells the lifecycle's account when work begins and ends.</summary>
internal sealed class ActivityEdges(InstanceLifecycle lifecycle) : IActivityObserver
{
    public void Busy() => lifecycle.ActivityChanged();

    public void Idle() => lifecycle.ActivityChanged();
}
