using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Admission;

/// <summary>Those who wait for one function, in the order they came. Guarded by the ledger's stripes, all of them.</summary>
/// <param name="function">The function.</param>
internal sealed class WaitingLine(FunctionEntry function)
{
    public readonly FunctionEntry Function = function;
    public int Count;

    private Waiter? _last;

    public Waiter? First { get; private set; }

    public void Add(Waiter waiter)
    {
        waiter.InLine = true;
        waiter.Ahead = _last;
        if (_last is null)
        {
            First = waiter;
        }
        else
        {
            _last.Behind = waiter;
        }

        _last = waiter;
        Count++;
    }

    public void Remove(Waiter waiter)
    {
        if (waiter.Ahead is null)
        {
            First = waiter.Behind;
        }
        else
        {
            waiter.Ahead.Behind = waiter.Behind;
        }

        if (waiter.Behind is null)
        {
            _last = waiter.Ahead;
        }
        else
        {
            waiter.Behind.Ahead = waiter.Ahead;
        }

        waiter.Ahead = null;
        waiter.Behind = null;
        waiter.InLine = false;
        Count--;
    }
}
