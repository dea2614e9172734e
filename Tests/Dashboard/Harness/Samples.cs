using System.Text.Json;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Tests.Dashboard.Harness;

/// <summary>Instances and fleets for tests.</summary>
internal static class Samples
{
    private static readonly string[] _functions = ["checkout", "image-resize", "invoice-pdf", "login", "recommend", "search", "thumbnails", "webhooks"];

    /// <summary>A function on an instance.</summary>
    public static FunctionStatus Function(
        string name, FunctionTemperature temperature = FunctionTemperature.Warm, long accepted = 100, int inFlight = 0, string? worker = null) => new(
            name,
            temperature,
            temperature == FunctionTemperature.Cold
                ? []
                : [new WorkerFact(worker ?? name + "-1", temperature == FunctionTemperature.Warming ? WorkerState.Created : WorkerState.Ready, inFlight, 10)],
            new FunctionCounters(name, accepted, accepted - inFlight, 0, 0, 0, inFlight, TimeSpan.FromMilliseconds(12.5), 3, 97),
            DateTimeOffset.UnixEpoch);

    /// <summary>An instance.</summary>
    public static InstanceSnapshot Instance(
        string id = "i-1",
        long sequence = 1,
        InstancePhase phase = InstancePhase.Ready,
        int inFlight = 0,
        long accepted = 100,
        string boot = "boot-1",
        long epoch = 1,
        params FunctionStatus[] functions) => new()
    {
        InstanceId = id,
        Boot = boot,
        Epoch = epoch,
        Sequence = sequence,
        Phase = phase,
        AsOf = new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero),
        NextWithin = TimeSpan.FromSeconds(5),
        InFlight = inFlight,
        Accepted = accepted,
        Completed = accepted - inFlight,
        Functions = functions,
        Topology = FleetTopology.Island,
    };

    /// <summary>A receipt, as JSON.</summary>
    public static string Receipt(string id = "i-1", Verdict verdict = Verdict.Clean, string hook = "pre-freeze") => JsonSerializer.Serialize(
        new
        {
            hook,
            cause = "hook",
            instanceId = id,
            boot = "boot-1",
            epoch = 1,
            phase = hook == "pre-freeze" ? "Frozen" : "Stopped",
            accepted = 100,
            completed = 100,
            failed = 0,
            cancelled = 0,
            abandoned = 0,
            inFlight = 0,
            steps = new[] { new { step = "idle", ms = 3.2, outcome = "done" }, new { step = "flush", ms = 12.0, outcome = verdict == Verdict.Clean ? "done" : "budget over" } },
            ms = 18.4,
            verdict = verdict.ToString(),
            calledOff = false,
            at = "2026-03-04T05:06:07Z",
        });

    /// <summary>An event of a flight recorder.</summary>
    public static InstanceRecord Event(long epoch, string kind, string detail, int second = 0) => new(
        RecordKind.RecorderEvent,
        "boot-1",
        epoch,
        new DateTimeOffset(2026, 3, 4, 5, 6, second, TimeSpan.Zero),
        JsonSerializer.Serialize(new { sequence = 1, at = new DateTimeOffset(2026, 3, 4, 5, 6, second, TimeSpan.Zero), epoch, kind, detail }));

    /// <summary>
    /// A fleet as one might be: most serve, some are frozen, a few drain or are lost. Each call is one step further in its life.
    /// </summary>
    /// <param name="directory">Where it tells of itself.</param>
    /// <param name="count">How many instances.</param>
    /// <param name="step">Which step; the first is 1.</param>
    public static async Task TellAsync(InMemoryFleetDirectory directory, int count, int step)
    {
        for (var i = 0; i < count; i++)
        {
            var random = new Random(i);
            var role = (i * 37) % 24;
            if (step > 1 && role is 5 or 11 or 17 or 23 or 3)
            {
                // Quiet and lost ones say no more.
                continue;
            }

            var lost = role == 11 && i % 3 == 2;
            var phase = role switch
            {
                7 when i < 40 => InstancePhase.Draining,
                13 when i < 20 => InstancePhase.Stopped,
                5 or 17 or 23 or 3 => InstancePhase.Frozen,
                _ => InstancePhase.Ready,
            };
            var busy = phase is InstancePhase.Ready or InstancePhase.Draining;
            var functions = new List<FunctionStatus>();
            var (inFlight, accepted) = (0, 0L);
            for (var f = 0; f < _functions.Length; f++)
            {
                var hot = random.Next(100);
                var temperature = hot < 12 - f ? FunctionTemperature.Saturated
                    : hot < 72 - (8 * f) ? FunctionTemperature.Warm
                    : hot < 80 - (7 * f) ? FunctionTemperature.Warming
                    : FunctionTemperature.Cold;
                var done = 200L + random.Next(4000);
                if (temperature is FunctionTemperature.Warm or FunctionTemperature.Saturated)
                {
                    done += Enumerable.Range(1, step).Sum(s => (long)((9 - f) * (1 + (i % 5)) * (1 + (0.35 * Math.Sin(s / 4.0)) + (0.3 * Math.Sin((s / 2.5) + (f * 1.3) + (i * 0.4))))));
                }

                var open = busy && temperature == FunctionTemperature.Saturated ? 4 : busy && temperature == FunctionTemperature.Warm && random.Next(3) == 0 ? 1 : 0;
                (inFlight, accepted) = (inFlight + open, accepted + done);
                functions.Add(new FunctionStatus(
                    _functions[f],
                    temperature,
                    temperature == FunctionTemperature.Cold ? [] : [new WorkerFact($"{_functions[f]}-{i}", temperature == FunctionTemperature.Warming ? WorkerState.Created : WorkerState.Ready, open, 4)],
                    new FunctionCounters(_functions[f], done, done - open, 0, 0, 0, open, TimeSpan.FromMilliseconds(8 + (f * f * 9)), 2 + (done / (40 + (f * 3))), done - (done / (40 + (f * 3))) - 2),
                    DateTimeOffset.UnixEpoch));
            }

            if (lost)
            {
                inFlight = 3;
            }

            await directory.PublishAsync(
                Instance($"c-{(i * 7919) + 40961:x5}-{i:d3}", step, phase, inFlight, accepted, functions: [.. functions]) with
                {
                    Epoch = 1 + (i % 7),
                    LastReceiptJson = i % 4 == 0 || phase is InstancePhase.Frozen or InstancePhase.Stopped
                        ? Receipt(verdict: i % 12 == 8 ? Verdict.Forced : Verdict.Clean, hook: phase == InstancePhase.Stopped ? "pre-stop" : "pre-freeze")
                        : null,
                    NextWithin = phase == InstancePhase.Ready && inFlight == 0 ? null : TimeSpan.FromSeconds(5),
                },
                CancellationToken.None);
        }
    }
}
