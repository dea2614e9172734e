using Orleans.Placement;

namespace NoslateFleet.Grains.Placement;

/// <summary>Has the grain placed on the silo of the instance that its key names.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class PlacedOnInstanceAttribute() : PlacementAttribute(InstancePlacement.Instance);
