using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Tests.Common.Fleet;

/// <summary>Snapshots for tests.</summary>
public static class Snapshots
{
    public static InstanceSnapshot Of(
        string boot = "boot-1",
        long epoch = 1,
        long sequence = 1,
        InstancePhase phase = InstancePhase.Ready,
        int inFlight = 0,
        TimeSpan? next = null,
        string instance = "i") =>
        new()
        {
            InstanceId = instance,
            Boot = boot,
            Epoch = epoch,
            Sequence = sequence,
            Phase = phase,
            AsOf = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
            InFlight = inFlight,
            Accepted = inFlight,
            NextWithin = next,
        };

    /// <summary>A snapshot with something in every field.</summary>
    public static InstanceSnapshot Full(int functions = 2, int workers = 2) => Of(phase: InstancePhase.Draining, inFlight: 1, next: TimeSpan.FromSeconds(5)) with
    {
        Ending = true,
        Accepted = 11,
        Completed = 4,
        Failed = 3,
        Cancelled = 2,
        Abandoned = 1,
        Functions = [.. Enumerable.Range(0, functions).Select(f => Function("fonction-é-" + f, workers))],
        LeftOut = 3,
        LastReceiptJson = "{\"verdict\":\"Clean\",\"steps\":[]}",
        ProfileVersion = "v1",
        FleetProfileVersion = 7,
        FleetProfileError = "<it> \"broke\"",
        ContainerLife = "life",
        Topology = FleetTopology.Island,
        ProgramVersion = "1.2.3",
        MaxConcurrent = 200,
    };

    /// <summary>Field by field; what it lists is compared too, which the record's own comparison does not.</summary>
    public static void Same(InstanceSnapshot expected, InstanceSnapshot? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected with { Functions = [] }, actual with { Functions = [] });
        Assert.Equal(expected.Functions.Select(Bare), actual.Functions.Select(Bare));
        Assert.Equal(expected.Functions.Select(f => f.Workers), actual.Functions.Select(f => f.Workers));
    }

    private static FunctionStatus Bare(FunctionStatus function) => function with { Workers = [] };

    private static FunctionStatus Function(string name, int workers) => new(
        name,
        FunctionTemperature.Warm,
        [.. Enumerable.Range(0, workers).Select(w => new WorkerFact($"{name}-worker-{w}", WorkerState.Ready, w, 10))],
        new FunctionCounters(name, 1234, 1200, 11, 10, 9, 4, TimeSpan.FromMilliseconds(12.5), 6, 5) { Refused = 8 },
        new DateTimeOffset(2026, 1, 1, 0, 0, 0, 123, TimeSpan.Zero));
}
