using NoslateFleet.Coordination.Functions;

namespace NoslateFleet.Coordination.Invocations;

/// <summary>What the ledger keeps of one function, or of all that found no room in the table.</summary>
internal sealed class FunctionEntry
{
    private const int NotKnown = -1;
    private volatile int _temperature = NotKnown;
    private int _permits;

    public FunctionEntry(string name, int stripes)
    {
        Name = name;
        Cells = new FunctionCell[stripes];
        for (var i = 0; i < stripes; i++)
        {
            Cells[i] = new FunctionCell();
        }
    }

    public string Name { get; }

    /// <summary>One for each stripe.</summary>
    public FunctionCell[] Cells { get; }

    /// <summary>Whether the instance's functions were told and this is one of them. Written under the table's lock.</summary>
    public volatile bool Listed;

    /// <summary>Whether its counters were moved to the overflow. Written under all stripes' locks.</summary>
    public bool Retired;

    /// <summary>Whether its invocations are refused, on its own. Written under all stripes' locks.</summary>
    public volatile bool Closed;

    /// <summary>Requests that were refused. Read and written under all stripes' locks.</summary>
    public long Refused;

    /// <summary>The temperature last told; null while nobody knows. Written under the table's lock.</summary>
    public FunctionTemperature? Temperature
    {
        get => _temperature is var value && value == NotKnown ? null : (FunctionTemperature)value;
        set => _temperature = (int?)value ?? NotKnown;
    }

    /// <summary>Tickets that count against the function's own limit. Moves only while there is such a limit.</summary>
    public int Permits => Volatile.Read(ref _permits);

    public bool TryTakePermit(int limit)
    {
        var seen = Volatile.Read(ref _permits);
        while (seen < limit)
        {
            var found = Interlocked.CompareExchange(ref _permits, seen + 1, seen);
            if (found == seen)
            {
                return true;
            }

            seen = found;
        }

        return false;
    }

    public void ReturnPermit() => Interlocked.Decrement(ref _permits);
}
