using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Fleet;

/// <summary>Which orders an instance carries out, when, and what it answers.</summary>
public sealed class OrderRunnerTests : IAsyncDisposable
{
    private const string Life = "life-1";

    private readonly ManualTimeProvider _clock = new();
    private readonly InMemoryFleetDirectory _directory;
    private readonly Work _work = new();
    private OrderRunner? _runner;

    public OrderRunnerTests() => _directory = new InMemoryFleetDirectory(_clock);

    public ValueTask DisposeAsync() => _runner?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Fact]
    public async Task OrderPlacedWhileTheInstanceRuns_IsTakenOnNotice()
    {
        Start();
        await PlaceAsync("o", FleetOrderKind.Flush);

        var result = await ResultAsync("o");

        Assert.Equal((FleetOrderOutcome.Done, "boot-1", 4L), (result.Outcome, result.Boot, result.Epoch));
        Assert.Equal(["flush"], _work.Done);
    }

    [Fact]
    public async Task OrderPlacedBeforeTheStart_IsTakenAtTheStart()
    {
        await PlaceAsync("o", FleetOrderKind.Flush);

        Start();

        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("o")).Outcome);
    }

    [Fact]
    public async Task OrderThatHasExpired_IsNeverRun()
    {
        await PlaceAsync("o", FleetOrderKind.Drain);
        _clock.Advance(TimeSpan.FromHours(1));

        Start();

        Assert.Equal(FleetOrderOutcome.Expired, (await ResultAsync("o")).Outcome);
        Assert.Empty(_work.Done);
    }

    [Fact]
    public async Task OrderForAnotherLifeOfTheContainer_IsNeverRun()
    {
        await PlaceAsync("o", FleetOrderKind.Drain, life: "life-0");

        Start();

        Assert.Equal(FleetOrderOutcome.Refused, (await ResultAsync("o")).Outcome);
        Assert.Empty(_work.Done);
    }

    [Fact]
    public async Task OrderOfAnUnknownKind_IsRefused()
    {
        await PlaceAsync("o", FleetOrderKind.Unknown);

        Start();

        Assert.Equal(FleetOrderOutcome.Refused, (await ResultAsync("o")).Outcome);
    }

    [Fact]
    public async Task OfADrainAndALaterUndrain_BothOpen_OnlyTheLaterIsRun()
    {
        await PlaceAsync("drain", FleetOrderKind.Drain);
        await PlaceAsync("undrain", FleetOrderKind.Undrain);

        Start();

        Assert.Equal(FleetOrderOutcome.Superseded, (await ResultAsync("drain")).Outcome);
        Assert.Equal(FleetOrderOutcome.Refused, (await ResultAsync("undrain")).Outcome);
        Assert.Equal(["undrain"], _work.Done);
    }

    [Fact]
    public async Task Drain_IsAnsweredWithItsReceipt()
    {
        Start();
        await PlaceAsync("o", FleetOrderKind.Drain);
        await _work.Drains.Task.WaitAsync(TimeSpan.FromSeconds(30));

        _work.Drained.SetResult(new FleetOrderEnd(FleetOrderOutcome.Done, "drained", "{}"));

        var result = await ResultAsync("o");
        Assert.Equal((FleetOrderOutcome.Done, "{}"), (result.Outcome, result.ReceiptJson));
    }

    [Fact]
    public async Task UndrainWhileADrainRuns_UndoesIt()
    {
        Start();
        await PlaceAsync("drain", FleetOrderKind.Drain);
        await _work.Drains.Task.WaitAsync(TimeSpan.FromSeconds(30));

        await PlaceAsync("undrain", FleetOrderKind.Undrain);

        Assert.Equal(FleetOrderOutcome.Done, (await ResultAsync("undrain")).Outcome);
        Assert.Equal(FleetOrderOutcome.Superseded, (await ResultAsync("drain")).Outcome);
    }

    [Fact]
    public async Task DrainThatIsNotOverWhenItsOrderExpires_IsUndone()
    {
        Start();
        await PlaceAsync("o", FleetOrderKind.Drain);
        await _clock.WhenArmedAsync(TimeSpan.FromHours(1));

        _clock.Advance(TimeSpan.FromHours(1));

        Assert.Equal(FleetOrderOutcome.Expired, (await ResultAsync("o")).Outcome);
        Assert.Equal(["drain", "undrain"], _work.Done);
    }

    [Fact]
    public async Task OrderThatFails_IsAnsweredWithWhy()
    {
        _work.Error = new InvalidOperationException("no room");
        Start();
        await PlaceAsync("o", FleetOrderKind.Flush);

        var result = await ResultAsync("o");

        Assert.Equal((FleetOrderOutcome.Failed, "no room"), (result.Outcome, result.Detail));
    }

    private void Start()
    {
        _runner = new OrderRunner(
            _directory,
            _directory,
            _work,
            () => new InstanceState(InstancePhase.Ready, 4, Initialised: true, _clock.GetUtcNow()),
            new InstanceIdentity("i", "boot-1"),
            Life,
            _clock);
        _runner.Start();
    }

    private Task<FleetOrderState> PlaceAsync(string id, FleetOrderKind kind, string? life = Life)
    {
        var now = _clock.GetUtcNow();
        return _directory.PlaceAsync(new FleetOrder(id, "i", life, kind, "tests", now, now + TimeSpan.FromHours(1)), default);
    }

    private async Task<FleetOrderResult> ResultAsync(string id)
    {
        FleetOrderResult? result = null;
        await Until.TrueAsync(
            async () => (result = (await _directory.ListAsync("i", default)).Single(state => state.Order.Id == id).Result) is not null,
            $"order {id} has no result");
        return result!;
    }

    private sealed class Work : IFleetOrderWork
    {
        private readonly List<string> _done = [];

        public TaskCompletionSource Drains { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<FleetOrderEnd> Drained { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Exception? Error { get; set; }

        public IReadOnlyList<string> Done
        {
            get
            {
                lock (_done)
                {
                    return [.. _done];
                }
            }
        }

        public Task<FleetOrderEnd> DrainAsync(string by, CancellationToken cancellationToken)
        {
            Add("drain");
            Drains.SetResult();
            return Drained.Task;
        }

        public bool Undrain(string by)
        {
            Add("undrain");
            return Drains.Task.IsCompleted;
        }

        public Task FlushAsync(CancellationToken cancellationToken)
        {
            Add("flush");
            return Error is { } error ? Task.FromException(error) : Task.CompletedTask;
        }

        private void Add(string what)
        {
            lock (_done)
            {
                _done.Add(what);
            }
        }
    }
}
