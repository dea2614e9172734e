using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

public sealed class InitializeTests
{
    private const string Prepare = nameof(IInstanceWork.PrepareAsync);

    [Fact]
    public async Task Success_LeadsToReady_AndIsRecorded()
    {
        using var it = new InstanceUnderTest();
        Assert.Equal(new InstanceState(InstancePhase.Starting, 1, Initialised: false, it.Clock.GetUtcNow()), it.Life.State);
        Assert.False(it.Life.TryPass());
        Assert.Null(await it.InitializeAsync());
        Assert.Equal(new InstanceState(InstancePhase.Ready, 1, Initialised: true, it.Clock.GetUtcNow()), it.Life.State);
        Assert.True(it.Life.TryPass());
        Assert.Equal(["start b-1", "initialize done"], it.Recorder.After(0).Select(e => $"{e.Kind} {e.Detail}"));
    }

    [Fact]
    public async Task Repeated_AnswersAtOnce_WithoutAnotherRun()
    {
        using var it = await InstanceUnderTest.ReadyAsync();
        var again = it.Life.InitializeAsync(budget: null, byHook: true, CancellationToken.None);
        Assert.True(again.IsCompletedSuccessfully);
        Assert.Null(await again);
        Assert.Equal(1, it.Work.Count(Prepare));
    }

    [Fact]
    public async Task Failure_TellsWhatIsMissing_AndStaysStarting()
    {
        using var it = new InstanceUnderTest();
        it.Work.Missing = "a data plane";
        Assert.Equal("a data plane", await it.InitializeAsync());
        Assert.Equal(InstancePhase.Starting, it.Phase);
        Assert.False(it.Life.State.Initialised);
    }

    [Fact]
    public async Task AfterAFailure_ANewRunMaySucceed()
    {
        using var it = new InstanceUnderTest();
        it.Work.Missing = "a data plane";
        await it.InitializeAsync();
        it.Work.Missing = null;
        Assert.Null(await it.InitializeAsync());
        Assert.Equal(InstancePhase.Ready, it.Phase);
        Assert.Equal(2, it.Work.Count(Prepare));
    }

    [Fact]
    public async Task Overlapping_ShareOneRun()
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = Way.Held;
        var first = it.InitializeAsync();
        var second = it.InitializeAsync(byHook: false);
        await it.Work.WhenCalledAsync(Prepare);
        it.Work.Release(Prepare);
        Assert.Null(await first);
        Assert.Null(await second);
        Assert.Equal(1, it.Work.Count(Prepare));
    }

    [Fact]
    public async Task CallerWhoLeaves_DoesNotEndTheRun()
    {
        using var it = new InstanceUnderTest();
        using var gone = new CancellationTokenSource();
        it.Work[Prepare] = Way.Held;
        var first = it.Life.InitializeAsync(budget: null, byHook: true, gone.Token);
        await it.Work.WhenCalledAsync(Prepare);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        var second = it.InitializeAsync();
        it.Work.Release(Prepare);
        Assert.Null(await second);
        Assert.Equal(1, it.Work.Count(Prepare));
    }

    [Theory]
    [InlineData(null, 59.5)]
    [InlineData(3.0, 3.0)]
    public async Task BudgetOver_TellsWhatIsMissing(double? told, double seconds)
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = Way.Heeds;
        it.Work.Missing = "a Ready worker of f";
        var run = it.Life.InitializeAsync(told is { } s ? TimeSpan.FromSeconds(s) : null, byHook: true, CancellationToken.None);
        await it.Work.WhenCalledAsync(Prepare);
        it.Clock.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromTicks(1));
        Assert.False(run.IsCompleted);
        it.Clock.Advance(TimeSpan.FromTicks(1));
        Assert.Equal("a Ready worker of f", await InstanceUnderTest.Soon(run));
    }

    [Fact]
    public async Task Joiner_DoesNotChangeTheRunsBudget()
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = Way.Heeds;
        it.Work.Missing = "a worker";
        var first = it.Life.InitializeAsync(TimeSpan.FromSeconds(10), byHook: true, CancellationToken.None);
        var second = it.Life.InitializeAsync(TimeSpan.FromSeconds(1), byHook: true, CancellationToken.None);
        await it.Work.WhenCalledAsync(Prepare);
        it.Clock.Advance(TimeSpan.FromSeconds(9));
        Assert.False(second.IsCompleted);
        it.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("a worker", await InstanceUnderTest.Soon(first));
        Assert.Equal("a worker", await InstanceUnderTest.Soon(second));
    }

    [Theory]
    [InlineData(Way.Hangs)]
    [InlineData(Way.Blocks)]
    [InlineData(Way.Heeds)]
    [InlineData(Way.ThrowsAtCancel)]
    public async Task WorkThatDoesNotEnd_IsLeftBehind_AndANewRunMaySucceed(Way way)
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = way;
        var run = it.InitializeAsync();
        await it.Work.WhenCalledAsync(Prepare);
        it.Clock.Advance(TimeSpan.FromSeconds(59.75));
        Assert.Equal("the time was over", await run);
        it.Work[Prepare] = Way.Works;
        Assert.Null(await it.InitializeAsync());
        Assert.Equal(InstancePhase.Ready, it.Phase);
    }

    [Theory]
    [InlineData(Way.Throws)]
    [InlineData(Way.Fails)]
    public async Task WorkThatBreaks_IsAFailureInWords(Way way)
    {
        using var it = new InstanceUnderTest();
        it.Work[Prepare] = way;
        Assert.Equal("PrepareAsync is broken", await it.InitializeAsync());
        Assert.Equal(InstancePhase.Starting, it.Phase);
    }

    [Fact]
    public async Task WhileDraining_StaysDraining_AndUndoneLeadsToReady()
    {
        using var it = new InstanceUnderTest();
        it.Life.ResumeDrain("an earlier process");
        Assert.Null(await it.InitializeAsync());
        Assert.Equal(InstancePhase.Draining, it.Phase);
        Assert.True(it.Life.State.Initialised);
        Assert.False(it.Life.TryPass());
        Assert.True(it.Life.Undrain("operator"));
        Assert.Equal(InstancePhase.Ready, it.Phase);
        Assert.True(it.Life.TryPass());
    }

    [Fact]
    public async Task Undrained_BeforeItIsInitialised_LeadsToStarting_AndOnToReady()
    {
        using var it = new InstanceUnderTest();
        it.Life.ResumeDrain("an earlier process");
        Assert.True(it.Life.Undrain("operator"));
        Assert.Equal(InstancePhase.Starting, it.Phase);
        Assert.Null(await it.InitializeAsync());
        Assert.Equal(InstancePhase.Ready, it.Phase);
    }
}
