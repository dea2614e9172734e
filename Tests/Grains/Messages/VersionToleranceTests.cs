using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Grains.Functions;
using NoslateFleet.Grains.Instances;
using Orleans.Serialization;

namespace NoslateFleet.Tests.Grains.Messages;

/// <summary>Silos of two versions run side by side while a fleet is updated, and instances that thaw may be months old.</summary>
public sealed class VersionToleranceTests
{
    private static readonly DateTimeOffset _at = new(2026, 11, 25, 1, 2, 3, TimeSpan.FromHours(8));
    private static readonly Receipt _receipt = new(
        Receipt.PreStop, "order", "i", "b", 3, InstancePhase.Stopped, 10, 5, 1, 1, 2, 1, [new StepTime("finish", 1.5, "done")], 2.5, Verdict.Forced, true, _at);
    private readonly Serializer _serializer = new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();

    [Fact]
    public void EverythingSaid_ComesThrough()
    {
        var status = new FunctionStatus(
            "f",
            FunctionTemperature.Saturated,
            [new WorkerFact("w", WorkerState.PendingStop, 2, null)],
            new FunctionCounters("f", 7, 1, 2, 3, 0, 1, TimeSpan.FromMilliseconds(5), 4, 5) { Refused = 6 },
            _at);
        var function = new FunctionReport { InstanceId = "i", Function = "f", Draining = true, InFlight = 1, Status = status };
        var back = Through(function);
        Assert.Equal(function with { Status = null }, back with { Status = null });
        Assert.Equal(status with { Workers = [] }, back.Status! with { Workers = [] });
        Assert.Equal(status.Workers, back.Status.Workers);
        var report = new InstanceReport
        {
            InstanceId = "i",
            Boot = "b",
            State = new InstanceState(InstancePhase.Draining, 3, true, _at),
            InFlight = 1,
            LastReceipt = _receipt,
        };
        var told = Through(report);
        Assert.Equal(report with { LastReceipt = null }, told with { LastReceipt = null });
        Assert.Equal(_receipt with { Steps = [] }, told.LastReceipt! with { Steps = [] });
        Assert.Equal(_receipt.Steps, told.LastReceipt.Steps);
        var drain = Through(new DrainReport { Ended = true, Receipt = _receipt });
        Assert.True(drain.Ended);
        Assert.Equal(_receipt.At, drain.Receipt.At);
        Assert.Equal(new TicketId(1, 2), Through(new TicketId(1, 2)));
        var flight = new FlightEvent(1, _at, 2, "phase", "Ready");
        Assert.Equal(flight, Through(flight));
        Assert.Equal(AdmissionDecision.Queued, Through(AdmissionDecision.Queued));
        Assert.Equal(Outcome.Abandoned, Through(Outcome.Abandoned));
    }

    /// <summary>What the first version wrote, byte by byte. Never to be changed; add a case when a message gets a new field.</summary>
    [Fact]
    public void FirstVersionsMessages_AreRead()
    {
        var function = Read<FunctionReport>(FirstVersion.FunctionReport);
        Assert.Equal(("i", "f", true, 1), (function.InstanceId, function.Function, function.Draining, function.InFlight));
        Assert.Equal(FunctionTemperature.Warm, function.Status!.Temperature);
        Assert.Equal(new WorkerFact("w", WorkerState.Ready, 1, 10), Assert.Single(function.Status.Workers));
        Assert.Equal((3L, 2L, 1), (function.Status.Counters.Accepted, function.Status.Counters.Completed, function.Status.Counters.InFlight));
        var instance = Read<InstanceReport>(FirstVersion.InstanceReport);
        Assert.Equal(new InstanceState(InstancePhase.Draining, 3, true, _at), instance.State);
        Assert.Equal(_receipt with { Steps = [] }, instance.LastReceipt! with { Steps = [] });
        Assert.Equal(_receipt.Steps, instance.LastReceipt.Steps);
        Assert.Equal(new TicketId(123456789, 42), Read<TicketId>(FirstVersion.TicketId));
        Assert.Equal(
            new FlightEvent(1, _at, 2, "phase", "Ready"),
            Read<FlightEvent>(FirstVersion.FlightEvent));
    }

    [Fact]
    public void OlderShapeWithFewerFields_IsRead_TheRestIsUnset()
    {
        var older = Read<FunctionReport>(FirstVersion.FunctionReportOfThreeFields);
        Assert.Equal(("i", "f", true, 0), (older.InstanceId, older.Function, older.Draining, older.InFlight));
        Assert.Null(older.Status);
    }

    [Fact]
    public void NewerShapeWithMoreFields_IsRead_TheRestIsPassedOver()
    {
        var newer = Read<FunctionReport>(FirstVersion.FunctionReportOfSevenFields);
        Assert.Equal(("i", "f", true, 1), (newer.InstanceId, newer.Function, newer.Draining, newer.InFlight));
    }

    private T Read<T>(string bytes) => _serializer.Deserialize<T>(Convert.FromBase64String(bytes))!;

    private T Through<T>(T value) => _serializer.Deserialize<T>(_serializer.SerializeToArray(value))!;
}
