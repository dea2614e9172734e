using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>The standing of an instance, from its last snapshot and the snapshot's age alone.</summary>
public static class StandingRules
{
    /// <summary>How many times the interval that an instance itself told may pass before its silence counts.</summary>
    private const int Heartbeats = 3;

    /// <summary>
    /// How old a snapshot is. Where the directory knows when it received it, that time counts: instances' clocks differ, and jump. One
    /// from the future, by a clock
    /// that is ahead or a reader's that was set back, is as good as new.
    /// </summary>
    /// <param name="heard">When it was received, or when it was made, by the best clock there is.</param>
    /// <param name="now">The present, by the same clock if possible.</param>
    public static TimeSpan Age(DateTimeOffset heard, DateTimeOffset now) => now > heard ? now - heard : TimeSpan.Zero;

    /// <summary>The standing.</summary>
    /// <param name="last">The last snapshot.</param>
    /// <param name="age">Its age; a negative one counts as none.</param>
    /// <param name="options">After how much silence.</param>
    public static Standing Of(InstanceSnapshot last, TimeSpan age, StandingOptions options)
    {
        if (age >= options.GoneAfter)
        {
            return Standing.Gone;
        }

        if (last.Phase == InstancePhase.Stopped)
        {
            return Standing.Stopped;
        }

        if (age < SilentAfter(last, options))
        {
            return last.Phase switch
            {
                InstancePhase.Draining => Standing.Draining,

                // It was told to be silent from now on, so its silence needs no proof.
                InstancePhase.Frozen when last.InFlight == 0 || last.Ending => Standing.Quiet,
                _ => Standing.Active,
            };
        }

        return last.InFlight > 0 && !last.Ending ? Standing.Lost : Standing.Quiet;
    }

    /// <summary>From which age on a snapshot's instance is silent.</summary>
    /// <param name="last">The snapshot.</param>
    /// <param name="options">After how much silence.</param>
    public static TimeSpan SilentAfter(InstanceSnapshot last, StandingOptions options)
    {
        var own = last.NextWithin is { } next && next > options.LostAfter / Heartbeats
            ? Heartbeats * (next < options.GoneAfter ? next : options.GoneAfter)
            : TimeSpan.Zero;
        return own > options.LostAfter ? own : options.LostAfter;
    }
}
