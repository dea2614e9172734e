using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common.Fleet;

namespace NoslateFleet.Tests.Coordination.Fleet;

public sealed class StandingRulesTests
{
    private static readonly StandingOptions _options = new();

    [Theory]
    [InlineData(InstancePhase.Starting)]
    [InlineData(InstancePhase.Ready)]
    [InlineData(InstancePhase.Freezing)]
    public void Heard_IsActive(InstancePhase phase)
    {
        Assert.Equal(Standing.Active, Of(phase, 0, 0));
        Assert.Equal(Standing.Active, Of(phase, 14.9, 3));
    }

    [Fact]
    public void Heard_Draining_IsDraining() => Assert.Equal(Standing.Draining, Of(InstancePhase.Draining, 14.9, 3));

    [Fact]
    public void Frozen_WithNothingInFlight_IsQuietAtOnce() => Assert.Equal(Standing.Quiet, Of(InstancePhase.Frozen, 0, 0));

    [Fact]
    public void Frozen_WithWorkInFlight_IsActiveUntilSilent_ThenLost()
    {
        Assert.Equal(Standing.Active, Of(InstancePhase.Frozen, 14.9, 1));
        Assert.Equal(Standing.Lost, Of(InstancePhase.Frozen, 15, 1));
    }

    [Theory]
    [InlineData(InstancePhase.Starting)]
    [InlineData(InstancePhase.Ready)]
    [InlineData(InstancePhase.Freezing)]
    [InlineData(InstancePhase.Draining)]
    public void Silent_WasIdle_IsQuiet(InstancePhase phase) => Assert.Equal(Standing.Quiet, Of(phase, 15, 0));

    [Theory]
    [InlineData(InstancePhase.Ready)]
    [InlineData(InstancePhase.Freezing)]
    [InlineData(InstancePhase.Draining)]
    public void Silent_HadWorkInFlight_IsLost(InstancePhase phase) => Assert.Equal(Standing.Lost, Of(phase, 15, 1));

    [Fact]
    public void Stopped_IsStopped_HoweverSilent()
    {
        Assert.Equal(Standing.Stopped, Of(InstancePhase.Stopped, 0, 0));
        Assert.Equal(Standing.Stopped, Of(InstancePhase.Stopped, 3600, 0));
    }

    [Theory]
    [InlineData(InstancePhase.Stopped)]
    [InlineData(InstancePhase.Ready)]
    [InlineData(InstancePhase.Frozen)]
    public void SilentForTooLong_IsGone(InstancePhase phase)
    {
        Assert.NotEqual(Standing.Gone, Of(phase, (24 * 3600) - 1, 0));
        Assert.Equal(Standing.Gone, Of(phase, 24 * 3600, 0));
        Assert.Equal(Standing.Gone, Of(phase, 24 * 3600, 5));
    }

    [Fact]
    public void SlowHeartbeat_ToldByTheInstance_GivesItThreeOfThem()
    {
        var slow = Snapshots.Of(next: TimeSpan.FromSeconds(30));
        Assert.Equal(Standing.Active, StandingRules.Of(slow, TimeSpan.FromSeconds(89), _options));
        Assert.Equal(Standing.Quiet, StandingRules.Of(slow, TimeSpan.FromSeconds(90), _options));
    }

    [Theory]
    [InlineData(-5)]
    [InlineData(0)]
    [InlineData(1)]
    public void QuickOrSenselessHeartbeat_DoesNotShortenTheLimit(double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(15), StandingRules.SilentAfter(Snapshots.Of(next: TimeSpan.FromSeconds(seconds)), _options));

    [Fact]
    public void HeartbeatOfAnAge_KeepsNobodyBeyondGone()
    {
        var endless = Snapshots.Of(next: TimeSpan.MaxValue);
        Assert.Equal(Standing.Active, StandingRules.Of(endless, TimeSpan.FromHours(23), _options));
        Assert.Equal(Standing.Gone, StandingRules.Of(endless, TimeSpan.FromHours(24), _options));
    }

    [Fact]
    public void ClockThatWentBack_OrSnapshotFromTheFuture_IsAsGoodAsNew()
    {
        var now = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, StandingRules.Age(now.AddDays(2), now));
        Assert.Equal(TimeSpan.FromSeconds(3), StandingRules.Age(now.AddSeconds(-3), now));
        Assert.Equal(Standing.Active, StandingRules.Of(Snapshots.Of(inFlight: 1), TimeSpan.FromDays(-2), _options));
    }

    [Fact]
    public void EveryPhaseAndAge_HasAStanding_ThatNeverGrowsYounger()
    {
        foreach (var phase in Enum.GetValues<InstancePhase>())
        {
            foreach (var inFlight in new[] { 0, 1 })
            {
                var seen = new[] { 0.0, 14.999, 15, 3600, 86_399, 86_400, 1e9 }.Select(a => Rank(Of(phase, a, inFlight))).ToArray();
                Assert.Equal(seen.Order(), seen);
            }
        }

        static int Rank(Standing standing) => standing switch
        {
            Standing.Active or Standing.Draining => 0,
            Standing.Quiet or Standing.Lost or Standing.Stopped => 1,
            _ => 2,
        };
    }

    [Fact]
    public void Options_OutOfBounds_AllToldAtOnce_WithKeyAndValue()
    {
        Assert.Empty(new StandingOptions().Validate());
        var day = TimeSpan.FromDays(1);
        var options = new StandingOptions { HeartbeatInterval = TimeSpan.Zero, LostAfter = 2 * day, GoneAfter = day };
        Assert.Equal(
            [
                "Fleet:HeartbeatInterval = 00:00:00: must be a duration from 100 ms to 1 h",
                "Fleet:LostAfter = 2.00:00:00: must be at least twice Fleet:HeartbeatInterval and at most 1 day",
                "Fleet:GoneAfter = 1.00:00:00: must be more than Fleet:LostAfter and at most 30 days",
            ],
            options.Validate());
        Assert.Single(new StandingOptions { HeartbeatInterval = TimeSpan.FromSeconds(10) }.Validate());
    }

    private static Standing Of(InstancePhase phase, double seconds, int inFlight) =>
        StandingRules.Of(Snapshots.Of(phase: phase, inFlight: inFlight), TimeSpan.FromSeconds(seconds), _options);
}
