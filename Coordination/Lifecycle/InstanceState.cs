namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>An instance's phase and life at one instant.</summary>
/// <param name="Phase">The phase.</param>
/// <param name="Epoch">The life: 1 at process start, one more at every thaw.</param>
/// <param name="Initialised">Whether it has ever been initialised.</param>
/// <param name="Since">When the phase began, by the wall clock.</param>
public sealed record InstanceState(InstancePhase Phase, long Epoch, bool Initialised, DateTimeOffset Since);
