using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

public sealed class FreezeAccountingTests
{
    private readonly ManualTimeProvider _clock = new();
    private readonly FreezeAccounting _accounting;
    private TimeUse _use = TimeUse.Starting;

    public FreezeAccountingTests() => _accounting = new FreezeAccounting(() => _use, _clock);

    [Fact]
    public void Time_IsBookedOnWhatItWasSpentOn()
    {
        Spend(TimeUse.Starting, 1);
        Spend(TimeUse.Active, 2);
        Spend(TimeUse.WarmIdle, 4);
        Spend(TimeUse.Active, 8);
        Spend(TimeUse.Draining, 16);
        AssertSeconds(starting: 1, active: 10, warmIdle: 4, frozen: 0, draining: 16);
    }

    [Fact]
    public void TimeSinceTheLastChange_IsCounted()
    {
        Use(TimeUse.Active);
        _clock.Advance(TimeSpan.FromSeconds(3));
        AssertSeconds(active: 3);
        _clock.Advance(TimeSpan.FromSeconds(3));
        AssertSeconds(active: 6);
    }

    [Fact]
    public void Frozen_WithTheMonotonicClockRunning_IsTakenFromWhatItWasBookedOn()
    {
        Use(TimeUse.WarmIdle);
        _clock.Advance(TimeSpan.FromSeconds(5) + TimeSpan.FromHours(1));
        _accounting.Thawed(TimeSpan.FromHours(1));
        _clock.Advance(TimeSpan.FromSeconds(2));
        AssertSeconds(warmIdle: 7, frozen: 3600);
    }

    [Fact]
    public void Frozen_WithTheMonotonicClockStopped_IsBookedAllTheSame()
    {
        Use(TimeUse.Active);
        _clock.Advance(TimeSpan.FromSeconds(5));
        _accounting.Update();
        _clock.JumpWallClock(TimeSpan.FromHours(1));
        _accounting.Thawed(TimeSpan.FromHours(1));
        _clock.Advance(TimeSpan.FromSeconds(2));
        AssertSeconds(active: 7, frozen: 3600);
    }

    [Fact]
    public void Frozen_WithTheMonotonicClockRunningForAPart_TakesThatPart()
    {
        Use(TimeUse.WarmIdle);
        _clock.Advance(TimeSpan.FromSeconds(5));
        _accounting.Thawed(TimeSpan.FromSeconds(30));
        AssertSeconds(warmIdle: 0, frozen: 30);
    }

    [Fact]
    public void Thaws_AreCounted()
    {
        _accounting.Thawed(TimeSpan.Zero);
        _accounting.Thawed(TimeSpan.FromSeconds(1));
        Assert.Equal(2, _accounting.Read().Thaws);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(5, 0)]
    [InlineData(6, 1)]
    [InlineData(10, 1)]
    [InlineData(400, 6)]
    [InlineData(9_000, 10)]
    [InlineData(11_000, 11)]
    [InlineData(3_600_000, 11)]
    public void FirstAnswer_FallsIntoItsBucket(int ms, int bucket)
    {
        _accounting.Thawed(TimeSpan.FromSeconds(1));
        _clock.Advance(TimeSpan.FromMilliseconds(ms));
        _accounting.Answered();
        var account = _accounting.Read();
        Assert.Equal(FreezeAccounting.BucketSeconds.Count + 1, account.ThawToFirstAnswer.Count);
        Assert.Equal(1, account.ThawToFirstAnswer[bucket]);
        Assert.Equal(1, account.ThawToFirstAnswer.Sum());
        Assert.Equal(ms / 1000.0, account.ThawToFirstAnswerSumSeconds, 0.0001);
    }

    [Fact]
    public void Answers_AfterTheFirst_AndWithoutAThaw_AreNotCounted()
    {
        _accounting.Answered();
        Assert.Equal(0, _accounting.Read().ThawToFirstAnswer.Sum());
        _accounting.Thawed(TimeSpan.FromSeconds(1));
        _accounting.Answered();
        _clock.Advance(TimeSpan.FromSeconds(1));
        _accounting.Answered();
        Assert.Equal(1, _accounting.Read().ThawToFirstAnswer.Sum());
        Assert.Equal(0, _accounting.Read().ThawToFirstAnswerSumSeconds);
    }

    [Fact]
    public void EachThaw_HasItsFirstAnswer_FromItsOwnBeginning()
    {
        _accounting.Thawed(TimeSpan.FromSeconds(1));
        _clock.Advance(TimeSpan.FromSeconds(7));
        _accounting.Thawed(TimeSpan.FromSeconds(1));
        _clock.Advance(TimeSpan.FromSeconds(2));
        _accounting.Answered();
        _accounting.Thawed(TimeSpan.FromSeconds(1));
        _clock.Advance(TimeSpan.FromSeconds(4));
        _accounting.Answered();
        var account = _accounting.Read();
        Assert.Equal(2, account.ThawToFirstAnswer.Sum());
        Assert.Equal(6, account.ThawToFirstAnswerSumSeconds, 0.001);
    }

    [Fact]
    public async Task ConcurrentAnswers_CountOnce()
    {
        for (var round = 0; round < 200; round++)
        {
            _accounting.Thawed(TimeSpan.FromSeconds(1));
            using var together = new Barrier(2);
            await InstanceUnderTest.Soon(Task.WhenAll(Task.Run(Answer), Task.Run(Answer)));

            void Answer()
            {
                together.SignalAndWait();
                _accounting.Answered();
            }
        }

        Assert.Equal(200, _accounting.Read().ThawToFirstAnswer.Sum());
    }

    [Fact]
    public async Task ConcurrentUpdates_EndInTheTruth()
    {
        var busy = 0;
        var accounting = new FreezeAccounting(() => Volatile.Read(ref busy) > 0 ? TimeUse.Active : TimeUse.WarmIdle, _clock);
        for (var round = 0; round < 50; round++)
        {
            var endsBusy = round % 2 == 0;
            await InstanceUnderTest.Soon(Task.WhenAll(Enumerable.Range(0, 4).Select(n => Task.Run(() =>
            {
                for (var i = 0; i < 100; i++)
                {
                    Interlocked.Increment(ref busy);
                    accounting.Update();
                    if (!endsBusy || n > 0 || i < 99)
                    {
                        Interlocked.Decrement(ref busy);
                        accounting.Update();
                    }
                }
            }))));
            var before = accounting.Read();
            _clock.Advance(TimeSpan.FromSeconds(1));
            var after = accounting.Read();
            Assert.Equal(endsBusy ? 1 : 0, after.ActiveSeconds - before.ActiveSeconds, 0.001);
            Assert.Equal(endsBusy ? 0 : 1, after.WarmIdleSeconds - before.WarmIdleSeconds, 0.001);
            busy = 0;
        }
    }

    private void Use(TimeUse use)
    {
        _use = use;
        _accounting.Update();
    }

    private void Spend(TimeUse use, int seconds)
    {
        Use(use);
        _clock.Advance(TimeSpan.FromSeconds(seconds));
    }

    private void AssertSeconds(double starting = 0, double active = 0, double warmIdle = 0, double frozen = 0, double draining = 0)
    {
        var account = _accounting.Read();
        Assert.Equal(starting, account.StartingSeconds, 0.001);
        Assert.Equal(active, account.ActiveSeconds, 0.001);
        Assert.Equal(warmIdle, account.WarmIdleSeconds, 0.001);
        Assert.Equal(frozen, account.FrozenSeconds, 0.001);
        Assert.Equal(draining, account.DrainingSeconds, 0.001);
    }
}
