using System.Globalization;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>After how much silence an instance is seen otherwise.</summary>
public sealed class StandingOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Fleet";

    /// <summary>
    /// How often an instance publishes while work runs. 100 ms to 1 hour; default 5 s. Shorter: a fresher view and more writes.
    /// Work that is shorter than this is not published on its own.
    /// </summary>
    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// After how much silence an instance counts as Quiet or Lost; for one that said it would publish at longer intervals, three of
    /// those. At least twice
    /// the heartbeat, at most 1 day; default 15 s. Shorter: losses are seen sooner, and a slow write more often taken for one.
    /// </summary>
    public TimeSpan LostAfter { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// After how much silence an instance counts as Gone, whatever it said last. More than the time to Lost, at most 30 days; default 24
    /// h. Shorter: the list
    /// is tidier, and the last words of a dead or long frozen instance are lost sooner.
    /// </summary>
    public TimeSpan GoneAfter { get; set; } = TimeSpan.FromHours(24);

    /// <summary>All that is wrong with the values.</summary>
    /// <returns>One line each, with key and value; empty if nothing is.</returns>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (HeartbeatInterval < TimeSpan.FromMilliseconds(100) || HeartbeatInterval > TimeSpan.FromHours(1))
        {
            Error(nameof(HeartbeatInterval), HeartbeatInterval, "must be a duration from 100 ms to 1 h");
        }

        if (LostAfter < 2 * HeartbeatInterval || LostAfter > TimeSpan.FromDays(1))
        {
            Error(nameof(LostAfter), LostAfter, "must be at least twice Fleet:HeartbeatInterval and at most 1 day");
        }

        if (GoneAfter <= LostAfter || GoneAfter > TimeSpan.FromDays(30))
        {
            Error(nameof(GoneAfter), GoneAfter, "must be more than Fleet:LostAfter and at most 30 days");
        }

        return errors;

        void Error(string name, TimeSpan value, string problem) =>
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"{SectionName}:{name} = {value:c}: {problem}"));
    }
}
