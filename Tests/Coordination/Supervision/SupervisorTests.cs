using System.Collections.Concurrent;
using NoslateFleet.Coordination.Supervision;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Supervision;

/// <summary>That what the machine says is done, and by the injected clock alone.</summary>
public sealed class SupervisorTests
{
    [Fact]
    public async Task ItStarts_Verifies_AndStops()
    {
        var it = new PartUnderTest();
        using var supervisor = it.Supervise();
        supervisor.Begin();
        await it.ReachesAsync(SupervisedPhase.Up);
        Assert.True(await supervisor.StopAsync(CancellationToken.None));
        Assert.Equal(["start 1", "verify", "stop True"], it.Calls);
        Assert.Equal(SupervisedPhase.Down, supervisor.State.Phase);
    }

    [Fact]
    public async Task AFailedStart_IsTriedAgain_WhenThePauseIsOver()
    {
        var it = new PartUnderTest { FailingStarts = 2 };
        using var supervisor = it.Supervise();
        supervisor.Begin();
        for (var failures = 1; failures <= 2; failures++)
        {
            await Until.TrueAsync(() => supervisor.State is { Phase: SupervisedPhase.Waiting } && it.Time.ArmedTimers == 1, "it does not wait");
            Assert.Equal(failures, supervisor.State.Failures);

            // No further: the next start fails at once, and the pause after it could pass in the same move.
            it.Time.Advance(it.Time.UntilNextTimer!.Value);
        }

        await it.ReachesAsync(SupervisedPhase.Up);
        Assert.Equal(3, supervisor.State.Life);
        Assert.True(await supervisor.StopAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Lost_FromWithinThePart_RestartsItAlone()
    {
        var it = new PartUnderTest();
        using var supervisor = it.Supervise();
        supervisor.Begin();
        await it.ReachesAsync(SupervisedPhase.Up);
        supervisor.Lost(1, "declared dead");
        await Until.TrueAsync(() => supervisor.State is { Phase: SupervisedPhase.Waiting } && it.Time.ArmedTimers == 1, "it does not wait");
        it.Time.Advance(TimeSpan.FromSeconds(1));
        await Until.TrueAsync(() => supervisor.State is { Phase: SupervisedPhase.Up, Life: 2 }, "it is not restarted");
        Assert.Equal(["start 1", "verify", "stop False", "start 2", "verify"], it.Calls);
        Assert.True(await supervisor.StopAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Thawed_ChangesTheStateBeforeItReturns()
    {
        var it = new PartUnderTest();
        using var supervisor = it.Supervise();
        supervisor.Begin();
        await it.ReachesAsync(SupervisedPhase.Up);
        it.HoldVerify = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        supervisor.Thawed();
        Assert.Equal(SupervisedPhase.Verifying, supervisor.State.Phase);
        it.HoldVerify.SetResult();
        await it.ReachesAsync(SupervisedPhase.Up);
        Assert.True(await supervisor.StopAsync(CancellationToken.None));
    }

    [Fact]
    public async Task AStopThatHangs_IsGivenUp_WhenPatienceIsOver()
    {
        var it = new PartUnderTest { HangingStop = true };
        using var supervisor = it.Supervise();
        supervisor.Begin();
        await it.ReachesAsync(SupervisedPhase.Up);
        using var patience = new CancellationTokenSource();
        var stopping = supervisor.StopAsync(patience.Token);
        await Until.TrueAsync(() => it.Calls.Contains("stop True"), "it is not stopped");
        Assert.False(stopping.IsCompleted);
        await patience.CancelAsync();
        Assert.False(await stopping);
    }

    [Fact]
    public async Task AStopDuringAStart_EndsTheStart()
    {
        var it = new PartUnderTest { HangingStart = true };
        using var supervisor = it.Supervise();
        supervisor.Begin();
        await Until.TrueAsync(() => it.Calls.Contains("start 1"), "it is not started");
        Assert.True(await supervisor.StopAsync(CancellationToken.None));
        Assert.Equal(["start 1"], it.Calls);
    }

    private sealed class PartUnderTest : ISupervised
    {
        private Func<SupervisedPhase>? _phase;

        public ManualTimeProvider Time { get; } = new();

        public ConcurrentQueue<string> Calls { get; } = new();

        public int FailingStarts { get; set; }

        public bool HangingStart { get; init; }

        public bool HangingStop { get; init; }

        public TaskCompletionSource? HoldVerify { get; set; }

        public Supervisor Supervise()
        {
            var supervisor = new Supervisor(this, new SupervisorOptions(), Time, new Random(1));
            _phase = () => supervisor.State.Phase;
            return supervisor;
        }

        public Task ReachesAsync(SupervisedPhase phase) => Until.TrueAsync(() => _phase!() == phase, $"it does not reach {phase}");

        public async Task StartAsync(long life, CancellationToken cancellationToken)
        {
            Calls.Enqueue($"start {life}");
            if (HangingStart)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            }

            if (FailingStarts-- > 0)
            {
                throw new InvalidOperationException("no Redis");
            }
        }

        public async Task<Verification> VerifyAsync(CancellationToken cancellationToken)
        {
            Calls.Enqueue("verify");
            if (HoldVerify is { } hold)
            {
                await hold.Task.WaitAsync(cancellationToken);
            }

            return Verification.Well;
        }

        public async Task StopAsync(bool graceful, CancellationToken cancellationToken)
        {
            Calls.Enqueue($"stop {graceful}");
            if (HangingStop)
            {
                await new TaskCompletionSource().Task;
            }
        }
    }
}
