using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Silo.Invocations;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Grains.Invocations;

/// <summary>Grains that are late, fail, or answer when nobody wants to hear it any more, on a clock that the test moves.</summary>
public sealed class BypassTests : IDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(20);
    private readonly ManualTimeProvider _clock = new();
    private readonly ServiceProvider _metering = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly InvocationLedger _ledger;
    private readonly AdmissionController _admission;
    private readonly AdmissionDesk _desk;
    private readonly LocalGrains _switch = new();
    private readonly GrainMetrics _metrics;
    private readonly GrainGate _gate;
    private readonly FakeFunctionGrain _grain;

    public BypassTests()
    {
        _ledger = new InvocationLedger(_clock);
        _admission = new AdmissionController(_ledger, new AdmissionOptions { MaxConcurrent = 2, MaxQueued = 1 }, _clock);
        _desk = new AdmissionDesk(_admission, new Random(5), _clock);
        _metrics = new GrainMetrics(_metering.GetRequiredService<IMeterFactory>());
        _gate = new GrainGate(
            _switch,
            _admission,
            _desk,
            new FunctionBoard(_ledger, _clock),
            InstanceIdentity.OfThisProcess("i"),
            _metrics,
            _clock,
            NullLogger<GrainGate>.Instance);
        _grain = new FakeFunctionGrain(_desk);
    }

    public void Dispose()
    {
        _gate.Dispose();
        Assert.Equal(0, _ledger.Snapshot().Drift);
        Assert.Equal(0, _ledger.InFlight);
        _metrics.Dispose();
        _metering.Dispose();
    }

    [Fact]
    public async Task NoSilo_GoesDirectly_AndIsCounted()
    {
        using var listener = new MeterListener();
        var told = new List<(long, object?)>();
        listener.InstrumentPublished = static (instrument, self) =>
        {
            if (instrument.Meter.Name == "NoslateFleet" && instrument.Name == "noslatefleet.invocations.grain_bypass")
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            Assert.Equal("reason", tags[0].Key);
            told.Add((value, tags[0].Value));
        });
        listener.Start();
        var admitted = await Admit();
        Assert.Null(admitted.Pass);
        _gate.End(admitted, Outcome.Completed);
        Assert.Equal(1, _metrics.BypassedFor(BypassReason.Closed));

        // Other tests' meters bear the same name.
        Assert.Contains((1L, "closed"), told);
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), _ledger.Snapshot());
    }

    [Fact]
    public async Task Good_GoesByTheGrain_AndItsCallIsUsedAgain()
    {
        Open();
        for (var i = 0; i < 3; i++)
        {
            var admitted = await Admit();
            Assert.NotNull(admitted.Pass);
            _gate.End(admitted, Outcome.Cancelled);
        }

        Assert.Equal(0, _metrics.Bypassed);
        Assert.Equal(3, _grain.Asked.Distinct().Count());
        Assert.Equal(new LedgerSnapshot(3, 0, 0, 3, 0, 0), _ledger.Snapshot());
    }

    [Fact]
    public async Task Hanging_IsPassedBySweep_AndWhatItSaysLaterCountsNothing()
    {
        Open();
        var answer = new TaskCompletionSource<AdmissionDecision>();
        _grain.Admit = _ => new ValueTask<AdmissionDecision>(answer.Task);
        var asked = Admit();
        _clock.Advance(TimeSpan.FromMilliseconds(24));
        Assert.False(asked.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(14));
        var admitted = await asked.WaitAsync(_limit);
        Assert.Equal((1, 1L), (_ledger.InFlight, _metrics.BypassedFor(BypassReason.Late)));

        // Meanwhile nobody else waits for it.
        var next = await Admit();
        Assert.Null(next.Pass);
        Assert.Equal(1, _metrics.BypassedFor(BypassReason.Suspect));
        Assert.Single(_grain.Asked);

        // The message arrives at the desk at last, and its answer comes back.
        Assert.Equal(AdmissionDecision.Accepted, _desk.Admit(_grain.Asked[0]));
        _gate.End(admitted, Outcome.Completed);
        _gate.End(next, Outcome.Completed);
        Assert.Equal(AdmissionDecision.Accepted, _desk.Admit(_grain.Asked[0]));
        Assert.False(_desk.Complete(_grain.Asked[0], Outcome.Failed));
        answer.SetResult(AdmissionDecision.Accepted);
        await Until.TrueAsync(() => _desk.Admit(_grain.Asked[0]) == AdmissionDecision.Unknown, "is under way for ever");
        Assert.Equal(new LedgerSnapshot(2, 2, 0, 0, 0, 0), _ledger.Snapshot());
    }

    [Fact]
    public async Task HangingAfterItDecided_TheDecisionStands()
    {
        Open();
        _grain.Admit = id =>
        {
            Assert.Equal(AdmissionDecision.Accepted, _desk.Admit(id));
            return new ValueTask<AdmissionDecision>(new TaskCompletionSource<AdmissionDecision>().Task);
        };
        var asked = Admit();
        _clock.Advance(TimeSpan.FromMilliseconds(40));
        _gate.End(await asked.WaitAsync(_limit), Outcome.Completed);
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), _ledger.Snapshot());
    }

    public static TheoryData<string> Failures => ["throws", "fails", "unknown"];

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task Failing_IsPassedAtOnce_UntilItAnswersAgain(string how)
    {
        Open();
        var good = _grain.Admit;
        var pings = new TaskCompletionSource();
        _grain.Ping = () => new ValueTask(pings.Task);
        _grain.Admit = _ => how switch
        {
            "throws" => throw new InvalidOperationException("not started"),
            "fails" => new ValueTask<AdmissionDecision>(Task.FromException<AdmissionDecision>(new TimeoutException())),
            _ => new ValueTask<AdmissionDecision>(AdmissionDecision.Unknown),
        };
        var admitted = await Admit();
        Assert.Equal(1, _metrics.BypassedFor(BypassReason.Error));
        _gate.End(admitted, Outcome.Completed);
        Assert.Equal(1, _metrics.Bypassed);
        _grain.Admit = good;
        _gate.End(await Admit(), Outcome.Completed);
        Assert.Equal(1, _metrics.BypassedFor(BypassReason.Suspect));

        // Asked after a pause whether it answers; it does not at first.
        await _clock.WhenArmedAsync(TimeSpan.FromMilliseconds(50));
        _clock.Advance(TimeSpan.FromMilliseconds(50));
        await _clock.WhenArmedAsync(TimeSpan.FromSeconds(1));
        pings.SetResult();
        await Until.TrueAsync(
            async () =>
            {
                var next = await Admit();
                _gate.End(next, Outcome.Completed);
                return next.Pass is not null;
            },
            "is never trusted again");
    }

    [Fact]
    public async Task EndThatHangs_IsDoneBySweep_AndALateOneEndsNothingElse()
    {
        Open();
        TicketId lost = default;
        _grain.Complete = (id, _) =>
        {
            lost = id;
            return ValueTask.CompletedTask;
        };
        _gate.End(await Admit(), Outcome.Cancelled);
        Assert.Equal(1, _ledger.InFlight);
        _clock.Advance(TimeSpan.FromMilliseconds(40));
        Assert.Equal(new LedgerSnapshot(1, 0, 0, 1, 0, 0), _ledger.Snapshot());
        Assert.Equal(1, _metrics.BypassedFor(BypassReason.Late));
        Assert.False(_desk.Complete(lost, Outcome.Completed));
        Assert.Equal(new LedgerSnapshot(1, 0, 0, 1, 0, 0), _ledger.Snapshot());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task EndThatFails_IsDoneAtOnce(bool thrown)
    {
        Open();
        _grain.Complete = (_, _) => thrown
            ? throw new InvalidOperationException("stopping")
            : ValueTask.FromException(new InvalidOperationException("stopping"));
        _gate.End(await Admit(), Outcome.Completed);
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), _ledger.Snapshot());
        Assert.Equal(1, _metrics.BypassedFor(BypassReason.Error));
    }

    [Fact]
    public async Task EndedTwice_OrAfterAbandoning_EndsNobodyElse()
    {
        Open();
        var first = await Admit();
        Assert.Equal(1, _ledger.AbandonAll());
        _gate.End(first, Outcome.Completed);
        var second = await Admit();
        _gate.End(first, Outcome.Failed);
        Assert.Equal(new LedgerSnapshot(2, 0, 0, 0, 1, 1), _ledger.Snapshot());
        _gate.End(second, Outcome.Completed);
        _gate.End(second, Outcome.Failed);
        Assert.Equal(new LedgerSnapshot(2, 1, 0, 0, 1, 0), _ledger.Snapshot());
    }

    [Fact]
    public async Task SiloGoesInBetween_EndsDirectly()
    {
        Open();
        var admitted = await Admit();
        _switch.Close();
        _gate.End(admitted, Outcome.Completed);
        Assert.Equal((0, 1L), (_ledger.InFlight, _metrics.BypassedFor(BypassReason.Closed)));
        Open();
        _gate.End(await Admit(), Outcome.Completed);
        Assert.Equal(1, _metrics.Bypassed);
    }

    [Fact]
    public async Task TooManyEndsOnTheirWay_GoPast()
    {
        var admission = new AdmissionController(
            new InvocationLedger(_clock), new AdmissionOptions { MaxConcurrent = 1000 }, _clock);
        var desk = new AdmissionDesk(admission, new Random(6), _clock);
        var grain = new FakeFunctionGrain(desk) { Complete = static (_, _) => ValueTask.CompletedTask };
        using var metrics = new GrainMetrics(_metering.GetRequiredService<IMeterFactory>());
        using var gate = new GrainGate(
            _switch,
            admission,
            desk,
            new FunctionBoard(_ledger, _clock),
            InstanceIdentity.OfThisProcess("i"),
            metrics,
            _clock,
            NullLogger<GrainGate>.Instance);
        _switch.Open(grain.Factory());
        for (var i = 0; i < GrainGate.MostEnding + 3; i++)
        {
            gate.End(await gate.AdmitAsync("f", "r", Timeout.InfiniteTimeSpan, CancellationToken.None), Outcome.Completed);
        }

        Assert.Equal(3, metrics.BypassedFor(BypassReason.Full));
        _switch.Close();
    }

    [Fact]
    public async Task Sweep_RestsWhileNothingIsUnderWay()
    {
        Open();
        var admitted = await Admit();
        Assert.Equal(1, _clock.ArmedTimers);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(0, _clock.ArmedTimers);
        _gate.End(admitted, Outcome.Completed);
        Assert.Equal(1, _clock.ArmedTimers);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(0, _clock.ArmedTimers);
        Assert.Equal(0, _metrics.Bypassed);
    }

    [Fact]
    public async Task RefusedByTheGrain_IsRefused_AndItsCallIsUsedAgain()
    {
        Open();
        _admission.Close(RefusalReason.Draining);
        for (var i = 0; i < 3; i++)
        {
            var refused = await _gate.AdmitAsync("f", "r", Timeout.InfiniteTimeSpan, CancellationToken.None);
            Assert.Equal(RefusalReason.Draining, refused.Reason);
            Assert.Equal(AdmissionDecision.Unknown, _desk.Admit(_grain.Asked[i]));
        }

        Assert.Equal(3, _admission.Refused(RefusalReason.Draining));
        Assert.Equal(0, _metrics.Bypassed);
    }

    [Fact]
    public async Task GateClosedDown_WhatIsUnderWayGoesOnWithoutTheGrains()
    {
        Open();
        _grain.Admit = static _ => new ValueTask<AdmissionDecision>(new TaskCompletionSource<AdmissionDecision>().Task);
        var asked = Admit();
        _gate.Dispose();
        var admitted = await asked.WaitAsync(_limit);
        _gate.End(admitted, Outcome.Completed);
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), _ledger.Snapshot());
    }

    private void Open() => _switch.Open(_grain.Factory());

    private async Task<AdmissionResult> Admit()
    {
        var admitted = await _gate.AdmitAsync("f", "r", Timeout.InfiniteTimeSpan, CancellationToken.None);
        Assert.True(admitted.Accepted);
        return admitted;
    }
}
