using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Noslate.Profiles;

public class QuietDelayTests
{
    private readonly ManualTimeProvider time = new();
    private int times;

    private QuietDelay Delay() => new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(2), time, () => times++);

    private void Advance(int milliseconds) => time.Advance(TimeSpan.FromMilliseconds(milliseconds));

    [Fact]
    public async Task Quiet_EndsIt_Once()
    {
        await using var delay = Delay();
        delay.Touch();
        Advance(199);
        Assert.Equal(0, times);
        Advance(10_000);
        Assert.Equal(1, times);
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact]
    public async Task FurtherChange_PutsItOff()
    {
        await using var delay = Delay();
        delay.Touch();
        Advance(150);
        delay.Touch();
        Advance(199);
        Assert.Equal(0, times);
        Advance(2);
        Assert.Equal(1, times);
    }

    [Fact]
    public async Task SteadyChanges_PutItOff_OnlyUpToTheLimit()
    {
        await using var delay = Delay();
        for (var i = 0; i < 19; i++)
        {
            delay.Touch();
            Advance(100);
            Assert.Equal(0, times);
        }

        delay.Touch();
        Advance(101);
        Assert.Equal(1, times);
    }

    [Fact]
    public async Task After_IsSoonerWithAChange()
    {
        await using var delay = Delay();
        delay.After(TimeSpan.FromSeconds(10));
        Advance(9_999);
        Assert.Equal(0, times);
        Advance(2);
        Assert.Equal(1, times);
        delay.After(TimeSpan.FromSeconds(10));
        delay.Touch();
        delay.After(TimeSpan.FromSeconds(10));
        Advance(201);
        Assert.Equal(2, times);
    }

    [Fact]
    public async Task Disposed_EndsNoMore()
    {
        var delay = Delay();
        delay.Touch();
        await delay.DisposeAsync();
        delay.Touch();
        delay.After(TimeSpan.Zero);
        Advance(10_000);
        Assert.Equal(0, times);
    }
}
