using System.Globalization;

namespace NoslateFleet.Coordination.Supervision;

/// <summary>How a supervisor paces itself.</summary>
public sealed class SupervisorOptions
{
    /// <summary>
    /// The pause after the first failure in a row; it doubles with each further one. The real pause is between half of it and all of it, by
    /// chance. 10 ms to 1 hour; default 1 s. Shorter: back sooner, and more load on what the start needs.
    /// </summary>
    public TimeSpan RetryMin { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause. At least <see cref="RetryMin"/>, at most 1 hour; default 30 s.</summary>
    public TimeSpan RetryMax { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The longest pause before the restart of a part that had lasted: a restart at once, spread out, because all parts of a fleet may have been
    /// lost in the same moment. 0 to 1 minute; default 500 ms. Measured: eight silos that restart together take 5 s instead of 0.3 s.
    /// </summary>
    public TimeSpan RestartSpread { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a part must have been relied on to have lasted. 1 s to 1 day; default 1 minute.</summary>
    public TimeSpan StableAfter { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How many times in a row a part may be found broken before it is restarted. 1 to 100; default 3.</summary>
    public int BreaksAllowed { get; set; } = 3;

    /// <summary>All that is wrong with the values.</summary>
    /// <param name="section">The configuration section that they come from.</param>
    /// <returns>One line each, with key and value; empty if nothing is.</returns>
    public IReadOnlyList<string> Validate(string section)
    {
        var errors = new List<string>();
        if (RetryMin < TimeSpan.FromMilliseconds(10) || RetryMin > TimeSpan.FromHours(1))
        {
            Error(nameof(RetryMin), RetryMin, "must be a duration from 10 ms to 1 h");
        }

        if (RetryMax < RetryMin || RetryMax > TimeSpan.FromHours(1))
        {
            Error(nameof(RetryMax), RetryMax, $"must be at least {section}:{nameof(RetryMin)} and at most 1 h");
        }

        if (RestartSpread < TimeSpan.Zero || RestartSpread > TimeSpan.FromMinutes(1))
        {
            Error(nameof(RestartSpread), RestartSpread, "must be a duration from 0 to 1 min");
        }

        if (StableAfter < TimeSpan.FromSeconds(1) || StableAfter > TimeSpan.FromDays(1))
        {
            Error(nameof(StableAfter), StableAfter, "must be a duration from 1 s to 1 day");
        }

        if (BreaksAllowed is < 1 or > 100)
        {
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"{section}:{nameof(BreaksAllowed)} = {BreaksAllowed}: must be from 1 to 100"));
        }

        return errors;

        void Error(string name, TimeSpan value, string problem) =>
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"{section}:{name} = {value:c}: {problem}"));
    }
}
