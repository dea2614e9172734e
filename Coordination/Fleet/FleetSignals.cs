namespace NoslateFleet.Coordination.Fleet;

/// <summary>Tells whoever publishes that something about the instance has changed which readers should see: an order's end, the profiles it has.</summary>
public sealed class FleetSignals
{
    /// <summary>Raised after the change, on any thread. Handlers must be quick and not throw.</summary>
    public event Action? Changed;

    /// <summary>Something has changed.</summary>
    public void Raise() => Changed?.Invoke();
}
