using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Tests.Coordination.Fleet;

internal static class Snapshots
{
    public static InstanceSnapshot Of(
        string boot = "boot-1",
        long epoch = 1,
        long sequence = 1,
        InstancePhase phase = InstancePhase.Ready,
        int inFlight = 0,
        TimeSpan? next = null,
        string instance = "i") =>
        new()
        {
            InstanceId = instance,
            Boot = boot,
            Epoch = epoch,
            Sequence = sequence,
            Phase = phase,
            AsOf = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
            InFlight = inFlight,
            Accepted = inFlight,
            NextWithin = next,
        };
}
