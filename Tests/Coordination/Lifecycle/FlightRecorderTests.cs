using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

public sealed class FlightRecorderTests
{
    private readonly ManualTimeProvider _clock = new();

    [Fact]
    public void After0_TellsAll_OldestFirst_WithTimeAndEpoch()
    {
        var recorder = new FlightRecorder(8, _clock);
        var at = _clock.GetUtcNow();
        recorder.Record(1, "start", "a");
        _clock.Advance(TimeSpan.FromSeconds(2));
        recorder.Record(2, "thaw", "b");
        Assert.Equal(
            [new FlightEvent(1, at, 1, "start", "a"), new FlightEvent(2, at.AddSeconds(2), 2, "thaw", "b")],
            recorder.After(0));
    }

    [Fact]
    public void MoreThanItsCapacity_TheOldestGo()
    {
        var recorder = new FlightRecorder(4, _clock);
        for (var i = 1; i <= 10; i++)
        {
            recorder.Record(i, "k", "");
        }

        Assert.Equal([7, 8, 9, 10], recorder.After(0).Select(e => e.Sequence));
    }

    [Theory]
    [InlineData(long.MinValue, 3)]
    [InlineData(-1, 3)]
    [InlineData(0, 3)]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(3, 0)]
    [InlineData(4, 0)]
    [InlineData(long.MaxValue, 0)]
    public void After_TellsWhatTheReaderHasNot(long sequence, int count)
    {
        var recorder = new FlightRecorder(4, _clock);
        for (var i = 1; i <= 3; i++)
        {
            recorder.Record(i, "k", "");
        }

        Assert.Equal(Enumerable.Range(4 - count, count).Select(n => (long)n), recorder.After(sequence).Select(e => e.Sequence));
    }

    [Fact]
    public void Empty_TellsNothing() => Assert.Empty(new FlightRecorder(4, _clock).After(0));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void NoCapacity_IsRefused(int capacity) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlightRecorder(capacity, _clock));

    [Fact]
    public async Task ConcurrentWritersAndReaders_NoNumberIsLostOrTwice_AndEveryReadIsARun()
    {
        const int Writers = 4;
        const int Each = 2000;
        var recorder = new FlightRecorder(Writers * Each, TimeProvider.System);
        var writers = Enumerable.Range(0, Writers).Select(w => Task.Run(() =>
        {
            for (var i = 0; i < Each; i++)
            {
                recorder.Record(w, "k", "");
            }
        })).ToArray();
        var reader = Task.Run(() =>
        {
            var last = 0L;
            while (last < Writers * Each)
            {
                foreach (var one in recorder.After(last))
                {
                    Assert.Equal(++last, one.Sequence);
                }
            }
        });
        await InstanceUnderTest.Soon(Task.WhenAll([.. writers, reader]));
        var all = recorder.After(0);
        Assert.All(Enumerable.Range(0, Writers), w => Assert.Equal(Each, all.Count(e => e.Epoch == w)));
        Assert.Equal(all.Select(e => e.At).Order(), all.Select(e => e.At));
    }
}
