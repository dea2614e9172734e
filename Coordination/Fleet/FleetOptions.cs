using System.Globalization;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>What an instance tells the fleet, how often, and what the fleet keeps of it.</summary>
public sealed class FleetOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = StandingOptions.SectionName;

    private static readonly TimeSpan _millisecond = TimeSpan.FromMilliseconds(1);

    /// <summary>The heartbeat, and after how much silence an instance is seen otherwise: keys of the same section.</summary>
    public StandingOptions Standing { get; } = new();

    /// <summary>
    /// How often an idle instance of a Mesh publishes. The heartbeat to 1 hour; default 15 s. Shorter: a dead idle instance is seen sooner,
    /// for more writes. Elsewhere an idle instance is silent.
    /// </summary>
    public TimeSpan IdleHeartbeatInterval { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// The least time between two snapshots that changes bring about: what changes within it is published together. 50 ms to the heartbeat;
    /// default 250 ms, four a second. The end of work and the hooks don't wait for it.
    /// </summary>
    public TimeSpan PublishInterval { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// How long the end of the last response waits, at most, until the directory knows that nothing runs any more. 0 to 100 ms; default 5 ms.
    /// 0: it does not wait, and an instance frozen right then may be shown as Lost.
    /// </summary>
    public TimeSpan EdgeWait { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// How long the directory keeps what it has of an instance that it does not hear from. <see cref="StandingOptions.GoneAfter"/> to 90 days;
    /// default 3 days. Then the instance is no longer listed.
    /// </summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(3);

    /// <summary>Receipts and recorder events that the directory keeps of each instance. 10 to 100,000; default 1,000.</summary>
    public int KeptRecords { get; set; } = 1000;

    /// <summary>Orders that the directory keeps of each instance, ended ones included. 4 to 1,000; default 32.</summary>
    public int KeptOrders { get; set; } = 32;

    /// <summary>After which time an order lapses if whoever places it says no other. 1 s to 30 days; default 1 hour.</summary>
    public TimeSpan OrderExpiry { get; set; } = TimeSpan.FromHours(1);

    /// <summary>All that is wrong with the values.</summary>
    /// <returns>One line each, with key and value; empty if nothing is.</returns>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>(Standing.Validate());
        Within(nameof(IdleHeartbeatInterval), IdleHeartbeatInterval, Standing.HeartbeatInterval, TimeSpan.FromHours(1),
            "must be from Fleet:HeartbeatInterval to 1 h");
        Within(nameof(PublishInterval), PublishInterval, 50 * _millisecond, Standing.HeartbeatInterval,
            "must be from 50 ms to Fleet:HeartbeatInterval");
        Within(nameof(EdgeWait), EdgeWait, TimeSpan.Zero, 100 * _millisecond, "must be from 0 to 100 ms");
        Within(nameof(Retention), Retention, Standing.GoneAfter, TimeSpan.FromDays(90), "must be from Fleet:GoneAfter to 90 days");
        Within(nameof(OrderExpiry), OrderExpiry, TimeSpan.FromSeconds(1), TimeSpan.FromDays(30), "must be from 1 s to 30 days");
        if (KeptRecords is < 10 or > 100_000)
        {
            Error(nameof(KeptRecords), KeptRecords, "must be a whole number from 10 to 100000");
        }

        if (KeptOrders is < 4 or > 1000)
        {
            Error(nameof(KeptOrders), KeptOrders, "must be a whole number from 4 to 1000");
        }

        return errors;

        void Within(string name, TimeSpan value, TimeSpan least, TimeSpan most, string problem)
        {
            if (value < least || value > most)
            {
                Error(name, value, problem);
            }
        }

        void Error(string name, object value, string problem) =>
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"{SectionName}:{name} = {value}: {problem}"));
    }
}
