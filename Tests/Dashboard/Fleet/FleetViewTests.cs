using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Dashboard.Harness;

namespace NoslateFleet.Tests.Dashboard.Fleet;

/// <summary>The reader's copy of the directory.</summary>
public sealed class FleetViewTests : IAsyncDisposable
{
    private readonly FaultyDirectory _directory = new();
    private readonly FleetView _view;

    public FleetViewTests() =>
        _view = new FleetView(_directory, _directory.Inner, new StandingOptions(), _directory.Clock, NullLogger<FleetView>.Instance);

    public async ValueTask DisposeAsync()
    {
        _directory.Heal();
        await _view.DisposeAsync();
    }

    [Fact]
    public async Task NobodyLooks_NothingIsRead()
    {
        await _directory.Inner.PublishAsync(Samples.Instance(), default);
        _directory.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(0, _directory.Reads);
        Assert.False(_view.IsReading);
        Assert.Equal(0, _directory.Clock.ArmedTimers);
    }

    [Fact]
    public async Task Look_Reads_AndAMinuteLaterItRests()
    {
        await _directory.Inner.PublishAsync(Samples.Instance(), default);
        Assert.Equal("i-1", Assert.Single((await _view.LookAsync(default)).Instances).Id);
        await AdvanceAsync(FleetView.RestAfter + TimeSpan.FromSeconds(5));
        await Until.TrueAsync(() => !_view.IsReading, "it reads on");
        var reads = _directory.Reads;
        _directory.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(reads, _directory.Reads);
        await _directory.Inner.PublishAsync(Samples.Instance("i-2"), default);
        Assert.Equal(2, (await _view.LookAsync(default)).Instances.Count);
    }

    [Fact]
    public async Task Watched_ItReadsOn()
    {
        using (_view.Watch())
        {
            await _view.LookAsync(default);
            await AdvanceAsync(3 * FleetView.RestAfter);
            Assert.True(_view.IsReading);
        }

        await AdvanceAsync(FleetView.RestAfter + TimeSpan.FromSeconds(5));
        await Until.TrueAsync(() => !_view.IsReading, "it reads on");
    }

    [Fact]
    public async Task DirectoryThatIsSilent_HoldsNobodyUp_AndIsToldAsAnOutage()
    {
        await _directory.Inner.PublishAsync(Samples.Instance(), default);
        await _view.LookAsync(default);
        _directory.Silence();
        var watch = Stopwatch.StartNew();
        Assert.Single((await _view.LookAsync(default)).Instances);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5));
        await AdvanceUntilAsync(() => _view.Picture().Outage is not null, whileItReads: true);
        var picture = _view.Picture();
        Assert.Contains("no answer within 5 s", picture.Outage!.Reason, StringComparison.Ordinal);
        Assert.Single(picture.Instances);

        // What it knew last does not age into losses while nobody can tell.
        var standing = picture.Instances[0].Standing;
        await AdvanceAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(standing, _view.Picture().Instances[0].Standing);
        _directory.Heal();
        await AdvanceUntilAsync(() => _view.Picture().Outage is null);
        Assert.Equal(Standing.Quiet, _view.Picture().Instances[0].Standing);
    }

    [Fact]
    public async Task DirectoryThatWasNeverRead_IsToldSo()
    {
        _directory.Break();
        var picture = await _view.LookAsync(default);
        Assert.False(picture.IsRead);
        Assert.Contains("broken by the test", picture.Outage!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rate_IsTheDifferenceOfCounters_AndANewProcessCountsFromNothing()
    {
        // Before anybody watches: the first reading has to find it, and the next one waits for the clock.
        await _directory.Inner.PublishAsync(Samples.Instance(accepted: 1000, functions: Samples.Function("f", accepted: 1000)), default);
        using var watching = _view.Watch();
        await _view.LookAsync(default);

        // A look waits a second at most, and what counts is the difference to what the first reading found.
        await Until.TrueAsync(() => _view.Picture().Instances.Count == 1, "it was not read");
        Assert.Null(_view.Picture().Trend.Rate);
        await _directory.Inner.PublishAsync(Samples.Instance(sequence: 2, accepted: 1050, functions: Samples.Function("f", accepted: 1050)), default);
        await AdvanceUntilAsync(() => _view.Picture().Trend.Rates is [.., > 0]);
        Is(50, _view.Picture().Trend);
        Is(50, _view.Picture().Instances[0].Trend);
        Is(50, _view.Picture().Functions[0].Trend);

        var before = _view.Picture().Trend;
        await _directory.Inner.PublishAsync(Samples.Instance(boot: "boot-2", epoch: 2, accepted: 20, functions: Samples.Function("f", accepted: 20)), default);
        await AdvanceUntilAsync(() => _view.Picture().Trend is { Rates: [.., > 0] } trend && trend != before);
        Is(20, _view.Picture().Trend);
        Is(20, _view.Picture().Functions[0].Trend);

        // A step is as long as it took to come by the clock again: five seconds, and up to two more.
        static void Is(int count, Trend trend) => Assert.InRange(trend.Rates[^1], count / 7.5, count / 5.0);
    }

    [Fact]
    public async Task Removed_IsForgotten()
    {
        using var watching = _view.Watch();
        await _directory.Inner.PublishAsync(Samples.Instance("old"), default);
        await _view.LookAsync(default);
        _directory.Clock.Advance(new FleetOptions().Retention);
        await _directory.Inner.PublishAsync(Samples.Instance("new"), default);
        await AdvanceUntilAsync(() => _view.Picture().Instances is [{ Id: "new" }]);
        Assert.Null(_view.Picture().Find("old"));
        Assert.NotNull(_view.Picture().Find("new"));
    }

    [Fact]
    public async Task Fleet_IsKeptUpToABound()
    {
        for (var i = 0; i < FleetView.MaxInstances + 3; i++)
        {
            await _directory.Inner.PublishAsync(Samples.Instance("i-" + i), default);
        }

        using var watching = _view.Watch();
        await Until.TrueAsync(() => _view.Picture() is { LeftOut: 3 }, "what is too much is not told of");
        Assert.Equal(FleetView.MaxInstances, _view.Picture().Instances.Count);
    }

    [Fact]
    public void Trend_KeepsItsSteps_AndAnIdleOneStaysItself()
    {
        var trend = Trend.None;
        for (var i = 0; i < 2 * Trend.Kept; i++)
        {
            trend = trend.With(i < Trend.Kept ? 10 : 0, TimeSpan.FromSeconds(5));
        }

        Assert.Equal(Trend.Kept, trend.Rates.Count);
        Assert.Equal(0, trend.Rate);
        Assert.Same(trend, trend.With(0, TimeSpan.FromSeconds(5)));
        Assert.NotSame(trend, trend.With(1, TimeSpan.FromSeconds(5)));
    }

    private async Task AdvanceAsync(TimeSpan by)
    {
        for (var end = _directory.Clock.GetUtcNow() + by; _directory.Clock.GetUtcNow() < end;)
        {
            if (_view.IsReading)
            {
                await Until.TrueAsync(() => _directory.Clock.ArmedTimers > 0 || !_view.IsReading, "it does not wait for the clock");
            }

            _directory.Clock.Advance(TimeSpan.FromMilliseconds(500));
        }
    }

    // The clock moves while the view waits for it, and not while it reads: then only the reading's own limit of five seconds is armed.
    private Task AdvanceUntilAsync(Func<bool> reached, bool whileItReads = false) => Until.TrueAsync(
        () =>
        {
            if (reached())
            {
                return true;
            }

            if (_directory.Clock.UntilNextTimer is { } next && (whileItReads || next <= TimeSpan.FromSeconds(2)))
            {
                _directory.Clock.Advance(TimeSpan.FromMilliseconds(250));
            }

            return false;
        },
        "it did not come to that");
}
