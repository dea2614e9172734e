using NoslateFleet.Coordination.Lifecycle;
using Orleans;

namespace NoslateFleet.Grains.Messages;

/// <summary>A receipt on the wire.</summary>
[GenerateSerializer]
[Immutable]
[Alias("noslatefleet.receipt")]
internal struct ReceiptSurrogate
{
    [Id(0)]
    public string? Hook;

    [Id(1)]
    public string? Cause;

    [Id(2)]
    public string? InstanceId;

    [Id(3)]
    public string? Boot;

    [Id(4)]
    public long Epoch;

    [Id(5)]
    public InstancePhase Phase;

    [Id(6)]
    public long Accepted;

    [Id(7)]
    public long Completed;

    [Id(8)]
    public long Failed;

    [Id(9)]
    public long Cancelled;

    [Id(10)]
    public long Abandoned;

    [Id(11)]
    public int InFlight;

    [Id(12)]
    public StepTime[]? Steps;

    [Id(13)]
    public double Ms;

    [Id(14)]
    public Verdict Verdict;

    [Id(15)]
    public bool CalledOff;

    [Id(16)]
    public DateTimeOffset At;
}

[RegisterConverter]
internal sealed class ReceiptConverter : IConverter<Receipt, ReceiptSurrogate>
{
    public Receipt ConvertFromSurrogate(in ReceiptSurrogate surrogate) =>
        new(
            surrogate.Hook ?? "",
            surrogate.Cause ?? "",
            surrogate.InstanceId ?? "",
            surrogate.Boot ?? "",
            surrogate.Epoch,
            surrogate.Phase,
            surrogate.Accepted,
            surrogate.Completed,
            surrogate.Failed,
            surrogate.Cancelled,
            surrogate.Abandoned,
            surrogate.InFlight,
            surrogate.Steps ?? [],
            surrogate.Ms,
            surrogate.Verdict,
            surrogate.CalledOff,
            surrogate.At);

    public ReceiptSurrogate ConvertToSurrogate(in Receipt value) => new()
    {
        Hook = value.Hook,
        Cause = value.Cause,
        InstanceId = value.InstanceId,
        Boot = value.Boot,
        Epoch = value.Epoch,
        Phase = value.Phase,
        Accepted = value.Accepted,
        Completed = value.Completed,
        Failed = value.Failed,
        Cancelled = value.Cancelled,
        Abandoned = value.Abandoned,
        InFlight = value.InFlight,
        Steps = [.. value.Steps],
        Ms = value.Ms,
        Verdict = value.Verdict,
        CalledOff = value.CalledOff,
        At = value.At,
    };
}
