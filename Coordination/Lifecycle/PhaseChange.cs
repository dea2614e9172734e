namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>Why an instance goes from one phase to another.</summary>
public enum PhaseCause
{
    /// <summary>The initialisation succeeded.</summary>
    Initialised,

    /// <summary>The platform announced a freeze.</summary>
    FreezeBegun,

    /// <summary>All that a freeze needs is done.</summary>
    FreezeReached,

    /// <summary>A request came before the freeze did.</summary>
    FreezeCalledOff,

    /// <summary>The processor runs again after a freeze.</summary>
    Thawed,

    /// <summary>A hook, a signal, an order or a drain intent of an earlier process asked the instance to leave.</summary>
    DrainBegun,

    /// <summary>The drain has ended, cleanly or by force.</summary>
    DrainEnded,

    /// <summary>The drain was undone before the instance had been initialised.</summary>
    UndrainedUninitialised,

    /// <summary>The drain was undone.</summary>
    Undrained,
}

/// <summary>One row of <see cref="PhaseTable"/>.</summary>
/// <param name="From">The phase before.</param>
/// <param name="Cause">What happened.</param>
/// <param name="To">The phase after.</param>
public sealed record PhaseChange(InstancePhase From, PhaseCause Cause, InstancePhase To);
