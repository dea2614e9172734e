using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

public sealed class BudgetTests
{
    private readonly ManualTimeProvider _clock = new();

    [Fact]
    public void Budget_IsOver_WhenItsTimeIs_AndNotBefore()
    {
        using var budget = new Budget(TimeSpan.FromSeconds(10), _clock, CancellationToken.None);
        _clock.Advance(TimeSpan.FromSeconds(9));
        Assert.False(budget.IsOver);
        Assert.Equal(1, budget.Left.TotalSeconds, 0.001);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(budget.IsOver);
        Assert.True(budget.Token.IsCancellationRequested);
        Assert.Equal(TimeSpan.Zero, budget.Left);
        Assert.Equal(10, budget.Spent.TotalSeconds, 0.001);
    }

    [Fact]
    public void Budget_OfNothing_IsOverAtOnce()
    {
        using var budget = new Budget(TimeSpan.Zero, _clock, CancellationToken.None);
        Assert.True(budget.IsOver);
        Assert.Equal(0, _clock.ArmedTimers);
    }

    [Fact]
    public void Budget_BelowNothing_IsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Budget(TimeSpan.FromTicks(-1), _clock, CancellationToken.None));

    [Fact]
    public void Budget_Forced_IsOver_AndHasNothingLeft()
    {
        using var force = new CancellationTokenSource();
        using var budget = new Budget(TimeSpan.FromSeconds(10), _clock, force.Token);
        force.Cancel();
        Assert.True(budget.IsOver);
        Assert.Equal(TimeSpan.Zero, budget.Left);
    }

    [Theory]
    [InlineData(3, 0, 3)]
    [InlineData(30, 0, 10)]
    [InlineData(-1, 0, 10)]
    [InlineData(-1, 4, 6)]
    [InlineData(8, 4, 6)]
    [InlineData(5, 4, 5)]
    [InlineData(5, 40, 0)]
    public void Take_IsAsLongAsAskedFor_ButLeavesTheReserve(int atMost, int reserve, int expected)
    {
        using var budget = new Budget(TimeSpan.FromSeconds(10), _clock, CancellationToken.None);
        using var part = budget.Take(atMost < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(atMost), TimeSpan.FromSeconds(reserve));
        Assert.Equal(expected, part.Total.TotalSeconds);
    }

    [Fact]
    public void Part_EndsWithTheWhole()
    {
        using var force = new CancellationTokenSource();
        using var budget = new Budget(TimeSpan.FromSeconds(10), _clock, force.Token);
        using var part = budget.Take(TimeSpan.FromSeconds(5), TimeSpan.Zero);
        force.Cancel();
        Assert.True(part.IsOver);
    }

    [Fact]
    public void Part_Ends_TheWholeGoesOn()
    {
        using var budget = new Budget(TimeSpan.FromSeconds(10), _clock, CancellationToken.None);
        using var part = budget.Take(TimeSpan.FromSeconds(5), TimeSpan.Zero);
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.True(part.IsOver);
        Assert.False(budget.IsOver);
    }

    [Fact]
    public void WallClock_ThatJumps_ChangesNothing()
    {
        using var budget = new Budget(TimeSpan.FromSeconds(10), _clock, CancellationToken.None);
        _clock.JumpWallClock(TimeSpan.FromDays(1));
        Assert.Equal(TimeSpan.FromSeconds(10), budget.Left);
    }

    [Fact]
    public void CallbackThatThrows_DoesNotReachTheTimersThread()
    {
        using var budget = new Budget(TimeSpan.FromSeconds(1), _clock, CancellationToken.None);
        budget.Token.Register(() => throw new InvalidOperationException("broken"));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(budget.IsOver);
    }

    [Fact]
    public void Disposed_LeavesNoTimer()
    {
        new Budget(TimeSpan.FromSeconds(1), _clock, CancellationToken.None).Dispose();
        Assert.Equal(0, _clock.ArmedTimers);
    }
}
