using NoslateFleet.Emulator.Node;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Gateway.Harness;

/// <summary>
/// A clock for the emulated node that stands. Its deadlines pass when a test says so, and so before the gateway's own, however busy the machine is.
/// </summary>
internal static class NodeClock
{
    /// <summary>A new one, at the machine's time: deadlines are absolute.</summary>
    public static ManualTimeProvider Standing()
    {
        var clock = new ManualTimeProvider();
        clock.SetTo(TimeProvider.System);
        return clock;
    }

    /// <summary>Options of a node whose only timers are its deadlines.</summary>
    public static EmulatorOptions Options(string directory) => new() { Workdir = directory, BuiltInEcho = true, ScaleInterval = TimeSpan.FromDays(1) };

    /// <summary>Sets it to the gateway's time.</summary>
    public static void SetTo(this ManualTimeProvider clock, TimeProvider gateway) => clock.JumpWallClock(gateway.GetUtcNow() - clock.GetUtcNow());

    /// <summary>Waits until the node waits for a deadline, and lets its time pass up to there.</summary>
    /// <param name="clock">The node's clock.</param>
    public static async Task PassDeadlineAsync(this ManualTimeProvider clock)
    {
        await Until.TrueAsync(() => clock.UntilNextTimer < TimeSpan.FromHours(12), "the node waits for no deadline");
        clock.Advance(clock.UntilNextTimer!.Value);
    }
}
