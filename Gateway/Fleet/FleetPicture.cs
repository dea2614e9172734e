using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;

namespace NoslateFleet.Gateway.Fleet;

/// <summary>The fleet as a reader knows it at one moment.</summary>
/// <param name="Number">Grows with everything that was heard; the same number is the same content but for ages.</param>
/// <param name="Now">The present by the directory's clock; the last reading's time while the directory can't be reached.</param>
/// <param name="IsRead">Whether the directory was ever read.</param>
/// <param name="Outage">Since when it can't be read, and why; null while it can.</param>
/// <param name="Instances">All instances, by id.</param>
/// <param name="Functions">All functions, by name.</param>
/// <param name="Trend">Invocations of the whole fleet.</param>
/// <param name="LeftOut">Instances and functions that are not told of for want of room.</param>
internal sealed record FleetPicture(
    long Number,
    DateTimeOffset Now,
    bool IsRead,
    FleetOutage? Outage,
    IReadOnlyList<FleetInstance> Instances,
    IReadOnlyList<FleetFunction> Functions,
    Trend Trend,
    int LeftOut)
{
    /// <summary>How many instances are of a standing.</summary>
    /// <param name="standing">The standing.</param>
    public int Count(Standing standing) => Instances.Count(instance => instance.Standing == standing);

    /// <summary>Open tickets of all instances that may still have them.</summary>
    public int InFlight => Instances.Sum(static instance => instance.InFlight);

    /// <summary>An instance by its id; null if it is not known.</summary>
    /// <param name="id">The id.</param>
    public FleetInstance? Find(string id)
    {
        int low = 0, high = Instances.Count - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = string.CompareOrdinal(Instances[middle].Id, id);
            if (order == 0)
            {
                return Instances[middle];
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return null;
    }
}

/// <summary>The directory can't be read.</summary>
/// <param name="Since">Since when, by this process's clock.</param>
/// <param name="Reason">Why, in words.</param>
internal sealed record FleetOutage(DateTimeOffset Since, string Reason);

/// <summary>An instance as a reader sees it.</summary>
/// <param name="Snapshot">Its last snapshot.</param>
/// <param name="HeardAt">When the directory received it, by the directory's clock.</param>
/// <param name="Age">How old it is.</param>
/// <param name="Standing">How the instance is seen by it.</param>
/// <param name="Trend">Its invocations.</param>
internal sealed record FleetInstance(InstanceSnapshot Snapshot, DateTimeOffset HeardAt, TimeSpan Age, Standing Standing, Trend Trend)
{
    public string Id => Snapshot.InstanceId;

    /// <summary>Open tickets; none where the process has ended or nothing can be running.</summary>
    public int InFlight => Standing is Standing.Gone or Standing.Stopped || Snapshot.Ending ? 0 : Snapshot.InFlight;

    /// <summary>Functions that could take a request at once.</summary>
    public int Warm => Snapshot.Functions.Count(static function => function.Temperature is FunctionTemperature.Warm or FunctionTemperature.Saturated);

    /// <summary>Whether its workers are there, as far as can be told: a quiet instance's are, frozen with it.</summary>
    public bool HasWorkers => Standing is Standing.Active or Standing.Draining or Standing.Quiet;
}

/// <summary>A function over all instances.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Cold">Instances on which it is cold, of those that have workers.</param>
/// <param name="Warming">On which it is being warmed.</param>
/// <param name="Warm">On which it is warm.</param>
/// <param name="Saturated">On which it is warm without room.</param>
/// <param name="Accepted">Invocations accepted by the present processes.</param>
/// <param name="Failed">Of these, failed.</param>
/// <param name="Refused">Requests that they did not accept.</param>
/// <param name="InFlight">Open tickets.</param>
/// <param name="Mean">Mean time of an invocation: the instances' moving means, weighed by what they completed; null if nothing ended.</param>
/// <param name="ColdStarts">Invocations that met no ready worker.</param>
/// <param name="ColdStartsAvoided">Invocations that met one.</param>
/// <param name="Trend">Its invocations.</param>
internal sealed record FleetFunction(
    string Name,
    int Cold,
    int Warming,
    int Warm,
    int Saturated,
    long Accepted,
    long Failed,
    long Refused,
    int InFlight,
    TimeSpan? Mean,
    long ColdStarts,
    long ColdStartsAvoided,
    Trend Trend);
