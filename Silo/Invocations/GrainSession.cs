using System.Collections.Concurrent;
using NoslateFleet.Grains.Functions;
using NoslateFleet.Grains.Placement;
using Orleans;

namespace NoslateFleet.Silo.Invocations;

/// <summary>One run of the silo, from when its grains can be called until they can't be any more.</summary>
/// <param name="instance">The instance's id.</param>
/// <param name="factory">Makes references to the silo's grains.</param>
internal sealed class GrainSession(string instance, IGrainFactory factory) : IDisposable
{
    /// <summary>
    /// Functions with a line of their own. More than an instance counts one by one at a time; names it has forgotten since are in it.
    /// </summary>
    public const int MaxLines = 4096;

    private readonly ConcurrentDictionary<string, GrainLine> _lines = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _over = new();

    /// <summary>Of which factory it is.</summary>
    public IGrainFactory Factory { get; } = factory;

    /// <summary>Cancelled when the run is over.</summary>
    public CancellationToken Over => _over.Token;

    /// <summary>The line of a function, if it has one already.</summary>
    /// <param name="name">The function's name.</param>
    public GrainLine? Find(string name) => _lines.GetValueOrDefault(name);

    /// <summary>The line of a function.</summary>
    /// <param name="name">The name under which its invocations are counted.</param>
    /// <returns>Null if there are too many.</returns>
    public GrainLine? Get(string name)
    {
        if (_lines.TryGetValue(name, out var line))
        {
            return line;
        }

        return _lines.Count >= MaxLines
            ? null
            : _lines.GetOrAdd(name, n => new GrainLine(this, n, Factory.GetGrain<IFunctionGrain>(GrainKeys.OfFunction(instance, n))));
    }

    /// <summary>The run is over. Lines stay usable as far as the silo answers.</summary>
    public void Dispose() => _over.Cancel();
}
