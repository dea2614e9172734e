using Orleans;

namespace NoslateFleet.Silo.Invocations;

/// <summary>The switch that whoever runs the silo sets. Closed at first. Safe under concurrent callers.</summary>
internal sealed class LocalGrains : ILocalGrains
{
    private volatile IGrainFactory? _factory;

    public event Action? Changed;

    public IGrainFactory? Factory => _factory;

    /// <summary>The silo has started: its grains can be called. Before that, calls would throw or hang.</summary>
    /// <param name="factory">The started silo's own.</param>
    public void Open(IGrainFactory factory)
    {
        _factory = factory;
        Changed?.Invoke();
    }

    /// <summary>
    /// The silo is about to stop, or was declared dead: nobody is to call its grains any more. To be called before its stop begins. Calls
    /// under way are looked after by who made them.
    /// </summary>
    public void Close()
    {
        if (_factory is not null)
        {
            _factory = null;
            Changed?.Invoke();
        }
    }
}
