using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

public sealed class ThawDetectorTests
{
    private static readonly TimeSpan _threshold = TimeSpan.FromSeconds(1);

    private readonly ManualTimeProvider _clock = new();
    private readonly ThawDetector _detector;

    public ThawDetectorTests()
    {
        _detector = new ThawDetector(_threshold, _clock);
        Assert.False(_detector.Observe(out _));
    }

    [Theory]
    [InlineData(60, 0)]
    [InlineData(0, 60)]
    [InlineData(60, -3600)]
    public void TimeUntilTheFirstLook_IsTheStart_AndNoHole(int monotonic, int wall)
    {
        var detector = new ThawDetector(_threshold, _clock);
        _clock.Advance(TimeSpan.FromSeconds(monotonic));
        _clock.JumpWallClock(TimeSpan.FromSeconds(wall));
        Assert.False(detector.Observe(out var gap, _ => Assert.Fail("nothing stood still")));
        Assert.Equal(TimeSpan.Zero, gap);
        _clock.Advance(_threshold + TimeSpan.FromTicks(1));
        Assert.True(detector.Observe(out _));
    }

    [Fact]
    public void MonotonicClockThatRanOn_IsAHole()
    {
        _clock.Advance(TimeSpan.FromHours(1));
        _clock.JumpWallClock(TimeSpan.FromHours(-1));
        AssertFound(TimeSpan.FromHours(1));
    }

    [Fact]
    public void WallClockThatRanOn_IsAHole()
    {
        _clock.JumpWallClock(TimeSpan.FromHours(1));
        AssertFound(TimeSpan.FromHours(1));
    }

    [Fact]
    public void BothClocks_TheLongerTells()
    {
        _clock.Advance(TimeSpan.FromSeconds(10));
        _clock.JumpWallClock(TimeSpan.FromSeconds(20));
        AssertFound(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public void WallClockSetBack_IsAHole_ButNothingStoodStill()
    {
        _clock.Advance(TimeSpan.FromMilliseconds(500));
        _clock.JumpWallClock(TimeSpan.FromHours(-1));
        AssertFound(TimeSpan.Zero);
    }

    [Fact]
    public void WallClockSetBackDuringAFreeze_TheMonotonicClockTells()
    {
        _clock.Advance(TimeSpan.FromMinutes(5));
        _clock.JumpWallClock(TimeSpan.FromHours(-1));
        AssertFound(TimeSpan.FromMinutes(5));
    }

    [Fact]
    public void HoleOfExactlyTheThreshold_IsNone()
    {
        _clock.Advance(_threshold);
        Assert.False(_detector.Observe(out var gap));
        Assert.Equal(TimeSpan.Zero, gap);
    }

    [Fact]
    public void HoleJustAboveTheThreshold_IsOne()
    {
        _clock.Advance(_threshold + TimeSpan.FromTicks(1));
        AssertFound(_threshold + TimeSpan.FromTicks(1));
    }

    [Fact]
    public void WallClockSetBack_ByExactlyTheThreshold_IsNone_ByMore_IsOne()
    {
        _clock.JumpWallClock(-_threshold);
        Assert.False(_detector.Observe(out _));
        _clock.JumpWallClock(-_threshold - TimeSpan.FromTicks(1));
        AssertFound(TimeSpan.Zero);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(500)]
    [InlineData(1000)]
    public void WhileSomebodyRuns_NoAlarm(int everyMs)
    {
        for (var i = 0; i < 2000; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(everyMs));
            Assert.False(_detector.Observe(out _));
        }
    }

    [Fact]
    public void LookRightAfterAnother_HidesNoHole()
    {
        _clock.Advance(TimeSpan.FromMilliseconds(500));
        Assert.False(_detector.Observe(out _));
        _clock.Advance(TimeSpan.FromMilliseconds(10));
        Assert.False(_detector.Observe(out _));
        _clock.Advance(_threshold + TimeSpan.FromTicks(1));
        Assert.True(_detector.Observe(out _));
    }

    [Fact]
    public void TwoHoles_AreFoundOneByOne()
    {
        for (var i = 0; i < 2; i++)
        {
            _clock.Advance(TimeSpan.FromMinutes(1));
            AssertFound(TimeSpan.FromMinutes(1));
        }
    }

    [Fact]
    public void Finder_ActsBeforeOthersSeeTheHoleClosed()
    {
        _clock.Advance(TimeSpan.FromMinutes(1));
        var acted = TimeSpan.Zero;
        Assert.True(_detector.Observe(out _, gap =>
        {
            // The hole is still open, for whoever looks: this same thread may take the lock again, and finds it.
            Assert.True(_detector.Observe(out _));
            acted = gap;
        }));
        Assert.Equal(TimeSpan.FromMinutes(1), acted);
    }

    [Fact]
    public async Task ManyAtOnce_ExactlyOneFindsTheHole()
    {
        const int Threads = 4;
        for (var round = 0; round < 200; round++)
        {
            _clock.Advance(TimeSpan.FromMinutes(1));
            using var together = new Barrier(Threads);
            var found = 0;
            await InstanceUnderTest.Soon(Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    together.SignalAndWait();
                    if (_detector.Observe(out var gap))
                    {
                        Assert.Equal(TimeSpan.FromMinutes(1), gap);
                        Interlocked.Increment(ref found);
                    }
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default))));
            Assert.Equal(1, found);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(500)]
    public async Task ThreadFrozenInTheMiddleOfItsLook_DoesNotOpenTheHoleAgain(int sinceLastLookMs)
    {
        using var clock = new StallingClock(_clock);
        var detector = new ThawDetector(_threshold, clock);
        Assert.False(detector.Observe(out _));
        _clock.Advance(TimeSpan.FromMilliseconds(sinceLastLookMs));
        var late = clock.StallNext(() => detector.Observe(out _));
        await InstanceUnderTest.Soon(clock.Stalled);
        _clock.Advance(TimeSpan.FromHours(1));
        var found = detector.Observe(out _) ? 1 : 0;
        clock.Go();
        found += await InstanceUnderTest.Soon(late) ? 1 : 0;
        found += detector.Observe(out _) ? 1 : 0;
        Assert.Equal(1, found);
    }

    private void AssertFound(TimeSpan expected)
    {
        Assert.True(_detector.Observe(out var gap));
        Assert.Equal(expected.TotalSeconds, gap.TotalSeconds, 0.00001);
        Assert.False(_detector.Observe(out gap));
        Assert.Equal(TimeSpan.Zero, gap);
    }

    /// <summary>A clock that holds one thread up after it has read both times.</summary>
    private sealed class StallingClock(TimeProvider inner) : TimeProvider, IDisposable
    {
        private readonly TaskCompletionSource _stalled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _go = new();
        private int _thread;

        public Task Stalled => _stalled.Task;

        public override long TimestampFrequency => inner.TimestampFrequency;

        public override long GetTimestamp() => inner.GetTimestamp();

        public override DateTimeOffset GetUtcNow()
        {
            var now = inner.GetUtcNow();
            if (Environment.CurrentManagedThreadId == _thread)
            {
                _thread = 0;
                _stalled.SetResult();
                Assert.True(_go.Wait(TimeSpan.FromSeconds(20)));
            }

            return now;
        }

        public Task<T> StallNext<T>(Func<T> what) => Task.Factory.StartNew(
            () =>
            {
                _thread = Environment.CurrentManagedThreadId;
                return what();
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

        public void Go() => _go.Set();

        public void Dispose() => _go.Dispose();
    }
}
