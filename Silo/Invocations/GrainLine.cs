using NoslateFleet.Grains.Functions;

namespace NoslateFleet.Silo.Invocations;

/// <summary>The way to one function's local grain, as long as one silo runs.</summary>
/// <param name="session">The silo's run.</param>
/// <param name="name">The function's name.</param>
/// <param name="grain">The grain, asked for once: making a reference each time costs more than the call.</param>
internal sealed class GrainLine(GrainSession session, string name, IFunctionGrain grain)
{
    private int _suspect;
    private int _ending;

    public GrainSession Session { get; } = session;

    public string Name { get; } = name;

    public IFunctionGrain Grain { get; } = grain;

    /// <summary>Whether it was late or failed and has not answered since.</summary>
    public bool IsSuspect => Volatile.Read(ref _suspect) != 0;

    /// <summary>Takes it for broken until it answers.</summary>
    /// <returns>True for the one call that changed that.</returns>
    public bool TrySuspect() => Interlocked.Exchange(ref _suspect, 1) == 0;

    /// <summary>It has answered.</summary>
    public void Trust() => Volatile.Write(ref _suspect, 0);

    /// <summary>Takes one more end on its way to the grain, if there are not too many.</summary>
    /// <param name="most">How many there may be.</param>
    public bool TryBeginEnd(int most)
    {
        if (Interlocked.Increment(ref _ending) <= most)
        {
            return true;
        }

        Interlocked.Decrement(ref _ending);
        return false;
    }

    /// <summary>An end has arrived, or went another way.</summary>
    public void EndArrived() => Interlocked.Decrement(ref _ending);
}
