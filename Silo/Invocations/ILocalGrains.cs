using Orleans;

namespace NoslateFleet.Silo.Invocations;

/// <summary>
/// Whether this instance's own grains can be called now. Read on the way of each invocation: a volatile read and nothing else.
/// </summary>
internal interface ILocalGrains
{
    /// <summary>
    /// What makes references to the grains of the silo that runs in this process now; null while there is none that can be called. Each
    /// start of the silo has another.
    /// </summary>
    IGrainFactory? Factory { get; }

    /// <summary>
    /// Raised after <see cref="Factory"/> has changed, on the thread that changed it. Handlers must be quick and not throw.
    /// </summary>
    event Action? Changed;
}
