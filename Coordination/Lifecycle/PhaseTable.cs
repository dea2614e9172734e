using System.Collections.Frozen;

namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>
/// The one table of an instance's phases. What is not in it does not happen. docs/lifecycle.md shows the same table; a test compares them.
/// </summary>
public static class PhaseTable
{
    private static readonly FrozenDictionary<(InstancePhase From, PhaseCause Cause), InstancePhase> _next;

    static PhaseTable() => _next = Rows.ToFrozenDictionary(row => (row.From, row.Cause), row => row.To);

    /// <summary>Every change that may happen.</summary>
    public static IReadOnlyList<PhaseChange> Rows { get; } =
    [
        new(InstancePhase.Starting, PhaseCause.Initialised, InstancePhase.Ready),
        new(InstancePhase.Starting, PhaseCause.DrainBegun, InstancePhase.Draining),
        new(InstancePhase.Ready, PhaseCause.FreezeBegun, InstancePhase.Freezing),
        new(InstancePhase.Ready, PhaseCause.DrainBegun, InstancePhase.Draining),
        new(InstancePhase.Freezing, PhaseCause.FreezeReached, InstancePhase.Frozen),
        new(InstancePhase.Freezing, PhaseCause.FreezeCalledOff, InstancePhase.Ready),
        new(InstancePhase.Freezing, PhaseCause.Thawed, InstancePhase.Ready),
        new(InstancePhase.Freezing, PhaseCause.DrainBegun, InstancePhase.Draining),
        new(InstancePhase.Frozen, PhaseCause.Thawed, InstancePhase.Ready),
        new(InstancePhase.Frozen, PhaseCause.DrainBegun, InstancePhase.Draining),
        new(InstancePhase.Draining, PhaseCause.DrainEnded, InstancePhase.Stopped),
        new(InstancePhase.Draining, PhaseCause.Undrained, InstancePhase.Ready),
        new(InstancePhase.Draining, PhaseCause.UndrainedUninitialised, InstancePhase.Starting),
        new(InstancePhase.Stopped, PhaseCause.Undrained, InstancePhase.Ready),
        new(InstancePhase.Stopped, PhaseCause.UndrainedUninitialised, InstancePhase.Starting),
    ];

    /// <summary>The phase that follows, if the change may happen.</summary>
    /// <param name="from">The phase before.</param>
    /// <param name="cause">What happened.</param>
    /// <param name="to">The phase after; <paramref name="from"/> if the change may not happen.</param>
    /// <returns>Whether it may.</returns>
    public static bool TryNext(InstancePhase from, PhaseCause cause, out InstancePhase to)
    {
        if (_next.TryGetValue((from, cause), out to))
        {
            return true;
        }

        to = from;
        return false;
    }
}
