using System.Globalization;

namespace NoslateFleet.Coordination.Admission;

/// <summary>How many invocations an instance takes at a time, and how many may wait.</summary>
public sealed class AdmissionOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Admission";

    /// <summary>The highest limit that can be set.</summary>
    public const int Ceiling = 1_000_000;

    /// <summary>
    /// Most invocations in flight in this instance. 1 to 1,000,000; default 200, as much as Function Compute sends to one instance. What
    /// comes
    /// beyond waits or is refused.
    /// </summary>
    public int MaxConcurrent { get; set; } = 200;

    /// <summary>
    /// Most invocations in flight of any one function. 0 to 1,000,000; default 0: no limit of its own. Set, a function whose workers hang
    /// can't take all of the instance's slots; requests beyond it wait without holding up other functions.
    /// </summary>
    public int MaxConcurrentPerFunction { get; set; }

    /// <summary>
    /// Most requests that wait for a slot, of all functions together. 0 to 1,000,000; default 100; 0: none waits. What comes beyond is
    /// refused
    /// at once, with an estimate of when to try again.
    /// </summary>
    public int MaxQueued { get; set; } = 100;

    /// <summary>
    /// Longest time that a refused client is told to stay away (Retry-After). 1 s to 1 day; default 60 s. Longer estimates are cut to it.
    /// </summary>
    public TimeSpan MaxRetryAfter { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>All that is wrong with the values.</summary>
    /// <returns>One line each, with key and value; empty if nothing is.</returns>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        Check(nameof(MaxConcurrent), MaxConcurrent, 1);
        Check(nameof(MaxConcurrentPerFunction), MaxConcurrentPerFunction, 0);
        Check(nameof(MaxQueued), MaxQueued, 0);
        if (MaxRetryAfter < TimeSpan.FromSeconds(1) || MaxRetryAfter > TimeSpan.FromDays(1))
        {
            errors.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"{SectionName}:{nameof(MaxRetryAfter)} = {MaxRetryAfter:c}: must be a duration from 1 s to 1 day"));
        }

        return errors;

        void Check(string name, int value, int least)
        {
            if (value < least || value > Ceiling)
            {
                errors.Add(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{SectionName}:{name} = {value}: must be a whole number from {least} to {Ceiling}"));
            }
        }
    }
}
