using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Coordination.Supervision;

namespace NoslateFleet.Tests.Coordination.Supervision;

/// <summary>By which rules a part is started, watched, restarted and stopped.</summary>
public sealed class SupervisorMachineTests
{
    [Fact]
    public void ItIsReliedOn_AfterAVerificationOnly()
    {
        var it = new MachineUnderTest();
        Assert.Equal(SupervisorActionKind.Start, it.Tell(SupervisorEventKind.Begin).Kind);
        Assert.Equal(SupervisorActionKind.Verify, it.Tell(SupervisorEventKind.Started).Kind);
        Assert.Equal(SupervisedPhase.Verifying, it.State.Phase);
        Assert.Equal(SupervisorActionKind.None, it.Tell(SupervisorEventKind.Verified).Kind);
        Assert.Equal((SupervisedPhase.Up, 1L), (it.State.Phase, it.State.Life));
    }

    [Fact]
    public void AStartThatFails_IsTriedAgain_AfterGrowingPausesOfHalfToAll()
    {
        var it = new MachineUnderTest();
        it.Tell(SupervisorEventKind.Begin);
        for (var failures = 1; failures <= 40; failures++)
        {
            var pause = it.Tell(SupervisorEventKind.StartFailed, "no Redis");
            var longest = it.Options.RetryMin * Math.Pow(2, Math.Min(failures - 1, 10));
            longest = longest < it.Options.RetryMax ? longest : it.Options.RetryMax;
            Assert.Equal((SupervisorActionKind.Pause, failures, "no Redis"), (pause.Kind, it.State.Failures, it.State.Trouble));
            Assert.InRange(pause.Delay, longest / 2, longest);
            Assert.Equal(SupervisorActionKind.Start, it.Tell(SupervisorEventKind.PauseOver).Kind);
        }
    }

    [Fact]
    public void TwoMachines_DoNotPauseAlike()
    {
        var pauses = Enumerable.Range(0, 20).Select(seed =>
        {
            var it = new MachineUnderTest(seed: seed);
            it.Tell(SupervisorEventKind.Begin);
            return it.Tell(SupervisorEventKind.StartFailed).Delay;
        });
        Assert.True(pauses.Distinct().Count() > 10);
    }

    [Fact]
    public void Lost_AfterItHadLasted_IsRestartedAtOnce()
    {
        var it = MachineUnderTest.Up();
        it.Now += it.Options.StableAfter;
        var stop = it.Tell(SupervisorEventKind.Lost, "declared dead");
        Assert.Equal((SupervisorActionKind.Stop, false), (stop.Kind, stop.Graceful));
        var pause = it.Tell(SupervisorEventKind.Ended);
        Assert.InRange(pause.Delay, TimeSpan.Zero, it.Options.RestartSpread);
        Assert.Equal((SupervisedPhase.Waiting, 0), (it.State.Phase, it.State.Failures));
        Assert.Equal((SupervisorActionKind.Start, 2L), (it.Tell(SupervisorEventKind.PauseOver).Kind, it.State.Life));
    }

    [Fact]
    public void Lost_AgainAndAgain_IsRestartedMoreAndMoreSlowly()
    {
        var it = MachineUnderTest.Up();
        for (var failures = 1; failures < 5; failures++)
        {
            it.Tell(SupervisorEventKind.Lost);
            it.Tell(SupervisorEventKind.Ended);
            Assert.Equal(failures, it.State.Failures);
            it.Tell(SupervisorEventKind.PauseOver);
            it.Tell(SupervisorEventKind.Started);
            it.Tell(SupervisorEventKind.Verified);
        }
    }

    [Fact]
    public void Lost_InAnEarlierLife_HarmsNothing()
    {
        var it = MachineUnderTest.Up();
        it.Tell(SupervisorEventKind.Lost);
        it.Tell(SupervisorEventKind.Ended);
        it.Tell(SupervisorEventKind.PauseOver);
        it.Tell(SupervisorEventKind.Started);
        it.Tell(SupervisorEventKind.Verified);
        Assert.Equal(SupervisorActionKind.None, it.Tell(new SupervisorEvent(SupervisorEventKind.Lost, 1)).Kind);
        Assert.Equal(SupervisedPhase.Up, it.State.Phase);
    }

    [Fact]
    public void Lost_WhileItStarts_EndsTheStart_AndThenStopsIt()
    {
        var it = new MachineUnderTest();
        it.Tell(SupervisorEventKind.Begin);
        Assert.Equal(SupervisorActionKind.CancelStart, it.Tell(SupervisorEventKind.Lost, "dead").Kind);
        Assert.Equal(SupervisorActionKind.Stop, it.Tell(SupervisorEventKind.Started).Kind);
        Assert.Equal(SupervisorActionKind.Pause, it.Tell(SupervisorEventKind.Ended).Kind);
    }

    [Fact]
    public void Thawed_ItIsNotReliedOn_UntilVerifiedAgain()
    {
        var it = MachineUnderTest.Up();
        Assert.Equal(SupervisorActionKind.Verify, it.Tell(SupervisorEventKind.Thawed).Kind);
        Assert.Equal(SupervisedPhase.Verifying, it.State.Phase);
        it.Tell(SupervisorEventKind.Verified);
        Assert.Equal((SupervisedPhase.Up, 1L), (it.State.Phase, it.State.Life));
    }

    [Fact]
    public void Thawed_WhileItIsLookedAt_OnlyTheNewLookCounts()
    {
        var it = MachineUnderTest.Up();
        var first = it.Tell(SupervisorEventKind.Thawed).Turn;
        it.Tell(SupervisorEventKind.Thawed);
        it.Tell(new SupervisorEvent(SupervisorEventKind.Verified, first));
        Assert.Equal(SupervisedPhase.Verifying, it.State.Phase);
    }

    [Fact]
    public void Unsure_IsLookedAtAgain_ForEver_AndNeverStopped()
    {
        var it = MachineUnderTest.Up();
        it.Tell(SupervisorEventKind.Thawed);
        for (var i = 0; i < 1000; i++)
        {
            var look = it.Tell(SupervisorEventKind.Unsure, "no Redis");
            Assert.Equal(SupervisorActionKind.Verify, look.Kind);
            Assert.InRange(look.Delay, it.Options.RetryMin / 2, it.Options.RetryMin);
        }

        Assert.Equal((SupervisedPhase.Verifying, 1L), (it.State.Phase, it.State.Life));
    }

    [Fact]
    public void Broken_AsOftenAsAllowed_IsRestarted()
    {
        var it = MachineUnderTest.Up();
        it.Tell(SupervisorEventKind.Thawed);
        for (var breaks = 1; breaks < it.Options.BreaksAllowed; breaks++)
        {
            Assert.Equal(SupervisorActionKind.Verify, it.Tell(SupervisorEventKind.Broken, "silent").Kind);
        }

        Assert.Equal(SupervisorActionKind.Stop, it.Tell(SupervisorEventKind.Broken, "silent").Kind);
        Assert.Equal("silent", it.State.Leaving);
    }

    [Fact]
    public void StopAsked_ItLeavesWithAGoodbye_AndIsNeverStartedAgain()
    {
        var it = MachineUnderTest.Up();
        var stop = it.Tell(SupervisorEventKind.StopAsked);
        Assert.Equal((SupervisorActionKind.Stop, true), (stop.Kind, stop.Graceful));
        Assert.Equal(SupervisorActionKind.Finish, it.Tell(SupervisorEventKind.Ended).Kind);
        Assert.Equal(SupervisorActionKind.None, it.Tell(SupervisorEventKind.Begin).Kind);
        Assert.Equal(SupervisedPhase.Down, it.State.Phase);
    }

    [Fact]
    public void StopAsked_WhileItStarts_EndsTheStart()
    {
        var it = new MachineUnderTest();
        it.Tell(SupervisorEventKind.Begin);
        Assert.Equal(SupervisorActionKind.CancelStart, it.Tell(SupervisorEventKind.StopAsked).Kind);
        Assert.Equal(SupervisorActionKind.Finish, it.Tell(SupervisorEventKind.StartFailed).Kind);
    }

    [Fact]
    public void StopAsked_InAPause_IsTheEndAtOnce()
    {
        var it = new MachineUnderTest();
        it.Tell(SupervisorEventKind.Begin);
        it.Tell(SupervisorEventKind.StartFailed);
        Assert.Equal(SupervisorActionKind.Finish, it.Tell(SupervisorEventKind.StopAsked).Kind);
        Assert.Equal(SupervisorActionKind.None, it.Tell(SupervisorEventKind.PauseOver).Kind);
    }

    /// <summary>Whatever it is told in whatever order, true or stale.</summary>
    [Fact]
    public void AnyEvents_ThereIsNeverMoreThanOne_AndNeverOneAfterAStop() =>
        Prop.ForAll(Gen.Choose(0, (11 * 3) - 1).ListOf(80).ToArbitrary(), steps =>
        {
            var it = new MachineUnderTest();
            var exists = false;
            var stopAsked = false;
            foreach (var step in steps)
            {
                var kind = (SupervisorEventKind)(step % 11);
                var before = it.State;
                var stale = step / 11 == 2;
                var action = stale
                    ? it.Tell(new SupervisorEvent(kind, Math.Max(0, before.Turn - 1)))
                    : it.Tell(kind);
                it.Now += TimeSpan.FromSeconds(step);
                stopAsked |= kind == SupervisorEventKind.StopAsked;
                if (before.Phase == SupervisedPhase.Starting && it.State.Phase is SupervisedPhase.Waiting or SupervisedPhase.Down)
                {
                    exists = false;
                }

                if (before.Phase == SupervisedPhase.Stopping && it.State.Phase != SupervisedPhase.Stopping)
                {
                    exists = false;
                }

                if (action.Kind == SupervisorActionKind.Start)
                {
                    Assert.False(exists);
                    Assert.False(stopAsked);
                    Assert.Equal(before.Life + 1, action.Life);
                    exists = true;
                }

                Assert.True(it.State.Turn >= before.Turn);
                Assert.Equal(stopAsked, it.State.StopAsked);
                Assert.True(action.Delay >= TimeSpan.Zero && action.Delay <= it.Options.RetryMax);
                if (it.State.Phase == SupervisedPhase.Up)
                {
                    Assert.True(exists && !stopAsked);
                    Assert.NotNull(it.State.UpSince);
                }
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    [Fact]
    public void Options_AllThatIsWrong_IsToldAtOnce()
    {
        var errors = new SupervisorOptions
        {
            RetryMin = TimeSpan.Zero,
            RetryMax = TimeSpan.FromHours(2),
            RestartSpread = TimeSpan.FromHours(1),
            StableAfter = TimeSpan.Zero,
            BreaksAllowed = 0,
        }.Validate("S");
        Assert.Equal(["S:RetryMin", "S:RetryMax", "S:RestartSpread", "S:StableAfter", "S:BreaksAllowed"], errors.Select(e => e.Split(' ')[0]));
        Assert.Empty(new SupervisorOptions().Validate("S"));
    }
}
