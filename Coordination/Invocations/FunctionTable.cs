using System.Collections.Concurrent;
using NoslateFleet.Coordination.Functions;

namespace NoslateFleet.Coordination.Invocations;

/// <summary>
/// The functions that the ledger counts one by one. Bounded: names come from clients. What was not told to be a function has room for
/// <see cref="MaxUnlisted"/> names; all others share <see cref="Overflow"/>.
/// </summary>
/// <param name="stripes">The ledger's stripes.</param>
internal sealed class FunctionTable(int stripes)
{
    /// <summary>Names counted one by one that nobody said are functions.</summary>
    public const int MaxUnlisted = 256;

    /// <summary>The name under which the overflow is listed. No function can have it.</summary>
    public const string OverflowName = "(other)";

    private readonly ConcurrentDictionary<string, FunctionEntry> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FunctionTemperature?> _temperatures = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private volatile int _unlisted;
    private volatile bool _restricted;

    /// <summary>Where names are counted for which there was no room.</summary>
    public FunctionEntry Overflow { get; } = new(OverflowName, stripes);

    /// <summary>Whether only listed functions are admitted.</summary>
    public bool Restricted => _restricted;

    /// <summary>Each entry, the overflow included, in no order.</summary>
    public IEnumerable<FunctionEntry> All => _entries.Select(static pair => pair.Value).Append(Overflow);

    /// <summary>The entry under which a name is counted.</summary>
    /// <param name="name">The name.</param>
    public FunctionEntry Get(string name) => _entries.TryGetValue(name, out var entry) ? entry : Add(name);

    /// <summary>The entry of a name that may be admitted; null if it may not.</summary>
    /// <param name="name">The name.</param>
    public FunctionEntry? Admissible(string name)
    {
        if (_entries.TryGetValue(name, out var entry))
        {
            return entry.Listed || !Restricted ? entry : null;
        }

        return Restricted ? null : Add(name);
    }

    /// <summary>The entry of a name if it has one of its own.</summary>
    /// <param name="name">The name.</param>
    public FunctionEntry? Find(string name) => _entries.TryGetValue(name, out var entry) ? entry : null;

    /// <summary>Sets which names are functions.</summary>
    /// <param name="names">The names; null: none is known.</param>
    /// <param name="admitOthers">Whether others may be admitted.</param>
    /// <returns>Entries to retire with <see cref="Remove"/>: there are more unlisted ones than there is room for.</returns>
    public IReadOnlyList<FunctionEntry> List(IReadOnlySet<string>? names, bool admitOthers)
    {
        lock (_lock)
        {
            foreach (var name in names ?? new HashSet<string>())
            {
                if (!_entries.ContainsKey(name))
                {
                    _entries[name] = New(name);
                }
            }

            var unlisted = new List<FunctionEntry>();
            foreach (var (name, entry) in _entries)
            {
                entry.Listed = names is not null && names.Contains(name);
                if (!entry.Listed)
                {
                    unlisted.Add(entry);
                }
            }

            _unlisted = unlisted.Count;
            _restricted = !admitOthers;
            return unlisted.Count <= MaxUnlisted ? [] : unlisted[MaxUnlisted..];
        }
    }

    /// <summary>Takes out an entry whose counters have been moved.</summary>
    /// <param name="entry">The entry.</param>
    public void Remove(FunctionEntry entry)
    {
        lock (_lock)
        {
            if (_entries.TryRemove(entry.Name, out _))
            {
                _unlisted--;
            }
        }
    }

    /// <summary>Sets the temperature of one function, by which its cold starts are counted from now on.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="temperature">Its temperature; null: can't be told.</param>
    public void SetTemperature(string name, FunctionTemperature? temperature)
    {
        lock (_lock)
        {
            _temperatures[name] = temperature;
            if (_entries.TryGetValue(name, out var entry))
            {
                entry.Temperature = temperature;
            }
        }
    }

    /// <summary>Keeps no temperature of a function any more.</summary>
    /// <param name="name">Its name.</param>
    public void ForgetTemperature(string name)
    {
        lock (_lock)
        {
            _temperatures.Remove(name);
            if (_entries.TryGetValue(name, out var entry))
            {
                entry.Temperature = null;
            }
        }
    }

    private FunctionEntry New(string name) =>
        new(name, stripes) { Temperature = _temperatures.GetValueOrDefault(name) };

    private FunctionEntry Add(string name)
    {
        // Without the lock first: beyond the cap a flood of new names would queue up for it.
        if (_unlisted >= MaxUnlisted)
        {
            return Overflow;
        }

        lock (_lock)
        {
            if (_entries.TryGetValue(name, out var entry))
            {
                return entry;
            }

            if (_unlisted >= MaxUnlisted)
            {
                return Overflow;
            }

            entry = New(name);
            _entries[name] = entry;
            _unlisted++;
            return entry;
        }
    }
}
