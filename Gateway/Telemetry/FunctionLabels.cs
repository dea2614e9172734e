using System.Collections.Concurrent;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>
/// Under which label a function is told by metrics. Names come from clients, so only what the node has as a function or service gets a label of its own, and of
/// these no more than a bound: series are for ever in whatever collects them. A label once given stays.
/// </summary>
/// <param name="most">The bound.</param>
/// <param name="exists">Tells whether the node has a function or service of that name.</param>
internal sealed class FunctionLabels(int most, Func<string, bool> exists)
{
    /// <summary>The label of all that have none of their own.</summary>
    public const string Other = "other";

    private readonly ConcurrentDictionary<string, string> _labels = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>A function's label.</summary>
    /// <param name="name">The function's or service's name.</param>
    public string Of(string name) => _labels.TryGetValue(name, out var label) ? label : Find(name);

    private string Find(string name)
    {
        if (_labels.Count >= most || !exists(name))
        {
            return Other;
        }

        lock (_lock)
        {
            return _labels.Count >= most ? _labels.GetValueOrDefault(name, Other) : _labels.GetOrAdd(name, name);
        }
    }
}
