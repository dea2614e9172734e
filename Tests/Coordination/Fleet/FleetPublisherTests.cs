using System.Collections.Concurrent;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Common.Fleet;

namespace NoslateFleet.Tests.Coordination.Fleet;

/// <summary>When an instance publishes, and what becomes of it when it can't.</summary>
public sealed class FleetPublisherTests : IAsyncDisposable
{
    private static readonly FleetOptions _options = new();
    private static readonly TimeSpan _heartbeat = _options.Standing.HeartbeatInterval;

    private readonly ManualTimeProvider _clock = new();
    private readonly Directory _directory = new();
    private readonly Source _source = new();
    private readonly Events _events = new();
    private FleetPublisher? _publisher;

    public ValueTask DisposeAsync() => _publisher?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Fact]
    public async Task Start_IsPublished()
    {
        var start = await StartAsync(FleetTopology.Island);

        Assert.Equal((1L, FleetTopology.Island), (start.Sequence, start.Topology));
        Assert.Null(start.NextWithin);
    }

    [Fact]
    public async Task Changes_ThatComeCloseTogether_ArePublishedTogether()
    {
        var start = await StartAsync();
        _publisher!.Changed();
        await _clock.WhenArmedAsync(_options.PublishInterval);
        _publisher.Changed();
        _publisher.Changed();
        Assert.Equal(0, _directory.Waiting);

        _clock.Advance(_options.PublishInterval);

        Assert.Equal(start.Sequence + 1, (await _directory.NextAsync()).Sequence);
        await _clock.WhenArmedAsync(TimeSpan.FromDays(1));
        Assert.Equal(0, _directory.Waiting);
    }

    [Fact]
    public async Task WorkThatEndsWithinAHeartbeat_IsNotPublished()
    {
        await StartAsync();
        Begin();
        await _clock.WhenArmedAsync(_heartbeat);
        Assert.False(await _publisher!.EndingAsync());
        End();

        _clock.Advance(_heartbeat);

        await _clock.WhenArmedAsync(TimeSpan.FromDays(1));
        Assert.Equal(0, _directory.Waiting);
    }

    [Fact]
    public async Task WorkThatOutlivesAHeartbeat_IsPublished_AndAgainAfterEachHeartbeat()
    {
        await StartAsync();
        await TellWorkAsync();

        await _clock.WhenArmedAsync(_heartbeat);
        _clock.Advance(_heartbeat);

        var again = await _directory.NextAsync();
        Assert.Equal((1, false), (again.InFlight, again.Ending));
        Assert.Equal(_heartbeat, again.NextWithin);
    }

    [Fact]
    public async Task EndOfWorkThatWasTold_IsToldBeforeItsLastResponseEnds()
    {
        await StartAsync();
        await TellWorkAsync();

        Assert.True(await _publisher!.EndingAsync());

        var edge = await _directory.NextAsync();
        Assert.Equal((1, true), (edge.InFlight, edge.Ending));
        Assert.Null(edge.NextWithin);
        End();
        _publisher.Ended();
        Assert.False(await _publisher.EndingAsync());
    }

    [Fact]
    public async Task OfTwoThatEndTogether_TheLaterTellsTheEnd()
    {
        await StartAsync();
        Begin();
        Begin();
        await HeartbeatAsync();

        Assert.True(await _publisher!.EndingAsync());
        Assert.Equal(0, _directory.Waiting);
        Assert.True(await _publisher.EndingAsync());

        Assert.True((await _directory.NextAsync()).Ending);
    }

    [Fact]
    public async Task EndOfWork_WaitsForASlowDirectoryNoLongerThanSaid()
    {
        await StartAsync();
        await TellWorkAsync();
        _directory.Hold = new TaskCompletionSource();

        var ending = _publisher!.EndingAsync().AsTask();
        await _clock.WhenArmedAsync(_options.EdgeWait);
        Assert.False(ending.IsCompleted);
        _clock.Advance(_options.EdgeWait);

        Assert.True(await ending);
        _directory.Hold.SetResult();
    }

    [Fact]
    public async Task WorkThatEndsUnannounced_IsToldAtOnce()
    {
        await StartAsync();
        await TellWorkAsync();

        End();

        Assert.Equal(0, (await _directory.NextAsync()).InFlight);
    }

    [Theory]
    [InlineData(FleetTopology.Standalone)]
    [InlineData(FleetTopology.Island)]
    public async Task IdleInstance_OutsideOfAMesh_IsSilent(FleetTopology topology)
    {
        await StartAsync(topology);
        await _clock.WhenArmedAsync(TimeSpan.FromDays(1));

        _clock.Advance(TimeSpan.FromHours(23));

        Assert.Equal(0, _directory.Waiting);
    }

    [Fact]
    public async Task IdleInstance_OfAMesh_SaysThatItLives()
    {
        var start = await StartAsync(FleetTopology.Mesh);
        Assert.Equal(_options.IdleHeartbeatInterval, start.NextWithin);

        await _clock.WhenArmedAsync(_options.IdleHeartbeatInterval);
        _clock.Advance(_options.IdleHeartbeatInterval);

        await _directory.NextAsync();
    }

    [Fact]
    public async Task FirstContact_TakesTheEpochAfterTheEarlierProcesss()
    {
        _directory.Answer = snapshot =>
            new PublishResult(snapshot.Epoch > 7 ? PublishOutcome.Published : PublishOutcome.Fenced, "earlier", 7);

        await StartAsync();

        Assert.Equal(8, (await _directory.NextAsync()).Epoch);
        Assert.Equal(8, _source.Epoch);
        Assert.Empty(_events.Told);
    }

    [Fact]
    public async Task AnotherProcessWithTheSameId_EndsThePublishing_AndIsToldOnce()
    {
        await StartAsync();
        _directory.Answer = _ => new PublishResult(PublishOutcome.Fenced, "other", 9);
        await _publisher!.PublishAsync(default);
        await _directory.NextAsync();

        await _publisher.PublishAsync(default);

        Assert.Equal(0, _directory.Waiting);
        Assert.Equal(["fenced other 9"], _events.Told);
    }

    [Fact]
    public async Task Outage_IsToldOnce_AndCaughtUpWith()
    {
        await StartAsync();
        _directory.Error = new FleetDirectoryException("away");
        await Assert.ThrowsAsync<FleetDirectoryException>(() => _publisher!.PublishAsync(default));
        for (var attempt = 0; attempt < 5; attempt++)
        {
            await _directory.NextAsync();
            await Until.TrueAsync(() => _clock.UntilNextTimer is { } next && next <= TimeSpan.FromSeconds(10), "no new attempt is planned");
            _clock.Advance(_clock.UntilNextTimer!.Value);
        }

        await _directory.NextAsync();
        _directory.Error = null;
        await Until.TrueAsync(() => _clock.UntilNextTimer is { } next && next <= TimeSpan.FromSeconds(10), "no new attempt is planned");
        _clock.Advance(_clock.UntilNextTimer!.Value);

        await _directory.NextAsync();
        await Until.TrueAsync(() => _events.Told.Count == 2, "the outage's end is not told");
        Assert.Equal(["outage away", "over"], _events.Told);
    }

    [Fact]
    public async Task Outage_HoldsUpNoResponse()
    {
        await StartAsync();
        await TellWorkAsync();
        _directory.Error = new FleetDirectoryException("away");
        await Assert.ThrowsAsync<FleetDirectoryException>(() => _publisher!.PublishAsync(default));

        Assert.False(await _publisher!.EndingAsync());
    }

    private async Task<InstanceSnapshot> StartAsync(FleetTopology topology = FleetTopology.Island)
    {
        _publisher = new FleetPublisher(_directory, _source, _events, topology, _options, _clock, new Random(1));
        _publisher.Start();
        return await _directory.NextAsync();
    }

    private async Task TellWorkAsync()
    {
        Begin();
        await HeartbeatAsync();
    }

    private async Task HeartbeatAsync()
    {
        await _clock.WhenArmedAsync(_heartbeat);
        _clock.Advance(_heartbeat);
        Assert.True((await _directory.NextAsync()).InFlight > 0);
    }

    private void Begin()
    {
        if (Interlocked.Increment(ref _source.Open) == 1)
        {
            _publisher!.Busy();
        }
    }

    private void End()
    {
        if (Interlocked.Decrement(ref _source.Open) == 0)
        {
            _publisher!.Idle();
        }
    }

    private sealed class Source : IFleetSource
    {
        public int Open;
        public long Epoch = 1;

        public int InFlight => Volatile.Read(ref Open);

        public InstanceSnapshot Read() => Snapshots.Of(epoch: Volatile.Read(ref Epoch), inFlight: InFlight);

        public void RaiseEpoch(long epoch) => Volatile.Write(ref Epoch, epoch);
    }

    private sealed class Events : IFleetPublisherEvents
    {
        public ConcurrentQueue<string> Told { get; } = new();

        public void OutageBegan(Exception error) => Told.Enqueue("outage " + error.Message);

        public void OutageOver(TimeSpan lasted) => Told.Enqueue("over");

        public void Fenced(string boot, long epoch) => Told.Enqueue($"fenced {boot} {epoch}");
    }

    /// <summary>Keeps what arrives until the test takes it.</summary>
    private sealed class Directory : IFleetDirectory
    {
        private readonly System.Threading.Channels.Channel<InstanceSnapshot> _arrived =
            System.Threading.Channels.Channel.CreateUnbounded<InstanceSnapshot>();

        public Func<InstanceSnapshot, PublishResult> Answer { get; set; } =
            static snapshot => new PublishResult(PublishOutcome.Published, snapshot.Boot, snapshot.Epoch);

        public Exception? Error { get; set; }

        public TaskCompletionSource? Hold { get; set; }

        public int Waiting => _arrived.Reader.Count;

        public Task<InstanceSnapshot> NextAsync() => _arrived.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));

        public async Task<PublishResult> PublishAsync(InstanceSnapshot snapshot, CancellationToken cancellationToken)
        {
            _arrived.Writer.TryWrite(snapshot);
            if (Hold is { } hold)
            {
                await hold.Task.WaitAsync(cancellationToken);
            }

            return Error is { } error ? throw error : Answer(snapshot);
        }

        public Task AppendAsync(string instanceId, IReadOnlyList<InstanceRecord> records, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<DirectoryView> ReadAllAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<DirectoryEntry?> ReadAsync(string instanceId, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<DirectoryPage> ReadChangesAsync(DirectoryVersion since, int limit, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<IReadOnlyList<InstanceRecord>> ReadRecordsAsync(string instanceId, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }
}
