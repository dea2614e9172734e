using NoslateFleet.Gateway.Supervision;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Gateway.Supervision;

public sealed class RestartPolicyTests
{
    private readonly ManualTimeProvider _clock = new();

    private readonly SupervisionOptions _options = new()
    {
        RestartMin = TimeSpan.FromMilliseconds(100),
        RestartMax = TimeSpan.FromSeconds(1),
        MaxDeaths = 7,
        DeathWindow = TimeSpan.FromMinutes(1),
    };

    [Fact]
    public void DeathsInARow_PausesDoubleUpToTheLongest_ThenItIsGivenUp()
    {
        var policy = new RestartPolicy(_options, _clock);
        var pauses = Enumerable.Range(0, 7).Select(_ => policy.Died()?.TotalMilliseconds).ToArray();
        Assert.Equal([100, 200, 400, 800, 1000, 1000, null], pauses);
    }

    [Fact]
    public void DeathsOlderThanTheWindow_NoLongerCount()
    {
        var policy = new RestartPolicy(_options, _clock);
        for (var i = 0; i < 6; i++)
        {
            Assert.NotNull(policy.Died());
        }

        _clock.Advance(_options.DeathWindow + TimeSpan.FromMilliseconds(1));
        Assert.Equal(TimeSpan.FromMilliseconds(100), policy.Died());
        Assert.Equal(1, policy.Deaths);
    }

    [Fact]
    public void DeathsJustWithinTheWindow_Count()
    {
        var policy = new RestartPolicy(_options, _clock);
        for (var i = 0; i < 6; i++)
        {
            Assert.NotNull(policy.Died());
        }

        _clock.Advance(_options.DeathWindow);
        Assert.Null(policy.Died());
    }

    [Fact]
    public void OneDeathAllowed_TheFirstOneIsTheLast()
    {
        _options.MaxDeaths = 1;
        Assert.Null(new RestartPolicy(_options, _clock).Died());
    }

    [Fact]
    public void ManyDeathsAllowed_ThePauseDoesNotOverflow()
    {
        _options.MaxDeaths = 1000;
        var policy = new RestartPolicy(_options, _clock);
        for (var i = 0; i < 998; i++)
        {
            Assert.InRange(policy.Died()!.Value, _options.RestartMin, _options.RestartMax);
        }
    }

    [Fact]
    public void WallClockThatJumps_ChangesNothing()
    {
        var policy = new RestartPolicy(_options, _clock);
        policy.Died();
        _clock.JumpWallClock(TimeSpan.FromDays(-365));
        Assert.Equal(TimeSpan.FromMilliseconds(200), policy.Died());
    }
}
