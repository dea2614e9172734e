using System.Collections.Concurrent;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Common.Fleet;

namespace NoslateFleet.Tests.Coordination.Fleet;

/// <summary>When an instance publishes, and what becomes of it when it can't.</summary>
public sealed class FleetPublisherTests : IDisposable
{
    private static readonly FleetOptions _options = new();
    private static readonly TimeSpan _heartbeat = _options.Standing.HeartbeatInterval;
    private static readonly TimeSpan _tick = TimeSpan.FromMilliseconds(500);

    private readonly ManualTimeProvider _clock = new();
    private readonly Directory _directory = new();
    private readonly Source _source = new();
    private readonly ConcurrentQueue<string> _told = new();
    private FleetPublisher _publisher = null!;

    public void Dispose() => _publisher?.Dispose();

    [Fact]
    public async Task Start_IsPublished_AtTheFirstTick()
    {
        var start = await StartAsync(FleetTopology.Island);

        Assert.Equal((1L, false), (start.Sequence, start.Ending));
        Assert.Null(start.NextWithin);
    }

    [Fact]
    public async Task Changes_ThatComeCloseTogether_ArePublishedTogether()
    {
        var start = await StartAsync();
        _publisher.Changed();
        _publisher.Changed();
        await Task.Run(_publisher.Changed);
        Assert.Equal(0, _directory.Waiting);

        _clock.Advance(_options.PublishInterval);

        Assert.Equal(start.Sequence + 1, (await _directory.NextAsync()).Sequence);
        await QuietAsync();
    }

    [Fact]
    public async Task NoMoreThanFourChangesASecond_ArePublished()
    {
        await StartAsync();
        for (var i = 0; i < 100; i++)
        {
            _publisher.Changed();
            _clock.Advance(TimeSpan.FromMilliseconds(10));
            await _publisher.SentAsync();
        }

        await _publisher.SentAsync();
        Assert.InRange(_directory.Waiting, 3, 4);
    }

    [Fact]
    public async Task WorkThatEndsWithinAHeartbeat_IsNeverToldAsWork_AndItsCountersAreToldAfterwards()
    {
        await StartAsync();
        Begin();
        await TicksAsync(_heartbeat - _tick);
        await EndUntoldAsync();

        var after = await _directory.NextAsync();
        Assert.Equal((0, 1L), (after.InFlight, after.Accepted));
        await QuietAsync();
    }

    [Fact]
    public async Task AChangeDuringShortWork_IsPublished_AndReadAsIdle()
    {
        await StartAsync();
        Begin();
        await TicksAsync(_tick);
        _publisher.Changed();
        _clock.Advance(_options.PublishInterval);

        var change = await _directory.NextAsync();

        Assert.Equal((1, true), (change.InFlight, change.Ending));
        Assert.Equal(0, change.Drift);
        Assert.False(_publisher.SaysWork);
    }

    /// <summary>Else its counters would not add up for whoever reads them, until something else happens.</summary>
    [Fact]
    public async Task AfterAChangeDuringShortWork_ItsEndIsTold()
    {
        await StartAsync();
        Begin();
        await TicksAsync(_tick);
        _publisher.Changed();
        _clock.Advance(_options.PublishInterval);
        Assert.Equal((1, true), await _directory.NextAsync() is var change ? (change.InFlight, change.Ending) : default);
        await EndUntoldAsync();

        var after = await _directory.NextAsync();
        Assert.Equal((0, 1L, 1L), (after.InFlight, after.Accepted, after.Completed));
        await QuietAsync();
    }

    [Fact]
    public async Task WorkThatOutlivesAHeartbeat_IsPublished_AndAgainAfterEachHeartbeat()
    {
        await StartAsync();
        await TellWorkAsync();

        await TicksAsync(_heartbeat);

        var again = await _directory.NextAsync();
        Assert.Equal((1, false), (again.InFlight, again.Ending));
        Assert.Equal(_heartbeat, again.NextWithin);
        await QuietAsync();
    }

    [Fact]
    public async Task ManyShortInvocations_AreWorkThatGoesOn()
    {
        await StartAsync();
        for (var elapsed = TimeSpan.Zero; elapsed <= _heartbeat; elapsed += _tick)
        {
            Begin();
            End();
            await TicksAsync(_tick);
        }

        var heartbeat = await _directory.NextAsync();
        Assert.True(heartbeat.Accepted > 0);
        await QuietAsync();
    }

    [Fact]
    public async Task EndOfWorkThatWasTold_IsToldBeforeItsLastResponseEnds()
    {
        await StartAsync();
        await TellWorkAsync();

        Assert.True(_publisher.Ending());
        await _publisher.TellEndAsync();

        var edge = await _directory.NextAsync();
        Assert.Equal((1, true), (edge.InFlight, edge.Ending));
        Assert.Null(edge.NextWithin);
        End();
        _publisher.AfterEnd();
        Assert.False(_publisher.Ending());
        _publisher.AfterEnd();
    }

    [Fact]
    public async Task OfTwoThatEndTogether_TheLaterTellsTheEnd()
    {
        await StartAsync();
        Begin();
        await TellWorkAsync();

        Assert.True(_publisher.Ending());
        await _publisher.TellEndAsync();
        Assert.Equal(0, _directory.Waiting);
        Assert.True(_publisher.Ending());
        await _publisher.TellEndAsync();

        Assert.True((await _directory.NextAsync()).Ending);
    }

    [Fact]
    public async Task AHeartbeatThatMeetsAnEnd_DoesNotTellOfWork()
    {
        await StartAsync();
        Begin();
        await TicksAsync(_heartbeat - _tick);

        // It asked before anything was told; what is told now must know of it.
        Assert.False(_publisher.Ending());
        await TicksAsync(_tick * 2);

        Assert.True((await _directory.NextAsync()).Ending);
        Assert.False(_publisher.SaysWork);
    }

    [Fact]
    public async Task AHeartbeatThatIsTakenWhileWorkEnds_WhoseEndWasTold_DoesNotTellOfItAgain()
    {
        await StartAsync();
        await TellWorkAsync();
        Assert.True(_publisher.Ending());
        await _publisher.TellEndAsync();
        Assert.True((await _directory.NextAsync()).Ending);

        // It sees the work, and what was about to end has ended before it looks for that.
        _source.Taken = () =>
        {
            _source.Taken = null;
            End();
            _publisher.AfterEnd();
        };
        await TicksAsync(_heartbeat + _tick);

        var heartbeat = await _directory.NextAsync();
        Assert.Equal((1, true), (heartbeat.InFlight, heartbeat.Ending));
        Assert.Equal(0, (await _directory.NextAsync()).InFlight);
    }

    [Fact]
    public async Task EndOfWork_WaitsForASlowDirectoryNoLongerThanSaid()
    {
        await StartAsync();
        await TellWorkAsync();
        _directory.Hold = new TaskCompletionSource();

        Assert.True(_publisher.Ending());
        var ending = _publisher.TellEndAsync().AsTask();
        await _clock.WhenArmedAsync(_options.EdgeWait);
        Assert.False(ending.IsCompleted);
        _clock.Advance(_options.EdgeWait);

        await ending;
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

        await TicksAsync(TimeSpan.FromMinutes(10));

        Assert.Equal(0, _directory.Waiting);
    }

    [Fact]
    public async Task IdleInstance_OfAMesh_SaysThatItLives()
    {
        var start = await StartAsync(FleetTopology.Mesh);
        Assert.Equal(_options.IdleHeartbeatInterval, start.NextWithin);

        await TicksAsync(_options.IdleHeartbeatInterval);

        await _directory.NextAsync();
        await QuietAsync();
    }

    [Fact]
    public async Task FirstContact_TakesTheEpochAfterTheEarlierProcesss()
    {
        _directory.Answer = snapshot =>
            new PublishResult(snapshot.Epoch > 7 ? PublishOutcome.Published : PublishOutcome.Fenced, "earlier", 7);

        await StartAsync();

        Assert.Equal(8, (await _directory.NextAsync()).Epoch);
        Assert.Equal(8, _source.Epoch);
        Assert.Empty(_told);
    }

    [Fact]
    public async Task AnotherProcessWithTheSameId_EndsThePublishing_AndIsToldOnce()
    {
        await StartAsync();
        _directory.Answer = _ => new PublishResult(PublishOutcome.Fenced, "other", 9);
        await _publisher.PublishAsync(null, default);
        await _directory.NextAsync();

        await _publisher.PublishAsync(null, default);
        _publisher.Changed();
        await TicksAsync(_heartbeat);

        Assert.Equal(0, _directory.Waiting);
        Assert.Equal(["fenced other 9"], _told);
        Assert.True(_publisher.IsFenced);
    }

    [Fact]
    public async Task Outage_IsToldOnce_AndCaughtUpWith()
    {
        await StartAsync();
        _directory.Error = new FleetDirectoryException("away");
        await Assert.ThrowsAsync<FleetDirectoryException>(() => _publisher.PublishAsync(null, default));
        for (var attempt = 0; attempt < 8; attempt++)
        {
            await _directory.NextAsync();
            await _publisher.SentAsync();
            Assert.InRange(_clock.UntilNextTimer!.Value, TimeSpan.FromSeconds(0.7), TimeSpan.FromSeconds(38));
            _clock.Advance(_clock.UntilNextTimer!.Value);
        }

        await _directory.NextAsync();
        await _publisher.SentAsync();
        _directory.Error = null;
        _clock.Advance(_clock.UntilNextTimer!.Value);

        await _directory.NextAsync();
        await _publisher.SentAsync();
        Assert.Equal(["outage away", "over"], _told);
        Assert.Equal(9, _publisher.Failed);
    }

    [Fact]
    public async Task ConnectionThatIsBack_IsUsedAtOnce()
    {
        await StartAsync();
        _directory.Error = new FleetDirectoryException("away");
        await Assert.ThrowsAsync<FleetDirectoryException>(() => _publisher.PublishAsync(null, default));
        await _directory.NextAsync();
        _directory.Error = null;

        _publisher.Reconnected();

        await _directory.NextAsync();
    }

    [Fact]
    public async Task ConnectionThatIsBack_AfterNothingFailed_IsToldAgain_AsTheDirectoryMayBeEmpty()
    {
        var start = await StartAsync();

        _publisher.Reconnected();

        Assert.Equal(start.Sequence + 1, (await _directory.NextAsync()).Sequence);
        await _publisher.SentAsync();
        Assert.Empty(_told);
    }

    [Fact]
    public async Task Hook_PublishesTheReceiptsPhase_AndAppendsTheReceipt()
    {
        await StartAsync();
        var receipt = new Receipt(
            Receipt.PreFreeze, "hook", "i", "boot-1", 1, InstancePhase.Frozen, 0, 0, 0, 0, 0, 0, [], 1, Verdict.Clean, false, _clock.GetUtcNow());

        await _publisher.PublishAsync(receipt, default);

        var last = await _directory.NextAsync();
        Assert.Equal(InstancePhase.Frozen, last.Phase);
        Assert.Contains("\"pre-freeze\"", last.LastReceiptJson, StringComparison.Ordinal);
        Assert.Contains(_directory.Records, r => r.Kind == RecordKind.Receipt);
    }

    [Fact]
    public async Task Records_AreAppendedOnce_AlsoAfterAFailure()
    {
        await StartAsync();
        _source.Records = 3;
        _directory.AppendError = new FleetDirectoryException("away");
        await Assert.ThrowsAsync<FleetDirectoryException>(() => _publisher.PublishAsync(null, default));
        _directory.AppendError = null;

        await _publisher.PublishAsync(null, default);
        await _publisher.PublishAsync(null, default);

        Assert.Equal(["1", "2", "3"], _directory.Records.Select(r => r.Json));
    }

    private async Task<InstanceSnapshot> StartAsync(FleetTopology topology = FleetTopology.Island)
    {
        _publisher = new FleetPublisher(_directory, _source, _options, topology, _clock, new Random(1));
        _publisher.OutageBegan += error => _told.Enqueue("outage " + error.Message);
        _publisher.OutageEnded += _ => _told.Enqueue("over");
        _publisher.FencedOff += result => _told.Enqueue($"fenced {result.HolderBoot} {result.HolderEpoch}");
        _publisher.Tick();
        var start = await _directory.NextAsync();
        await _publisher.SentAsync();
        return start;
    }

    private async Task TellWorkAsync()
    {
        Begin();
        await TicksAsync(_heartbeat + _tick);
        var told = await _directory.NextAsync();
        Assert.Equal((_source.InFlight, false), (told.InFlight, told.Ending));
        Assert.True(_publisher.SaysWork);
    }

    /// <summary>Ends work that nobody was told of, and lets it be noticed.</summary>
    private async Task EndUntoldAsync()
    {
        Assert.False(_publisher.Ending());
        End();
        _publisher.AfterEnd();

        await TicksAsync(_tick);
        await TicksAsync(_tick);
    }

    private async Task TicksAsync(TimeSpan time)
    {
        for (var elapsed = TimeSpan.Zero; elapsed < time; elapsed += _tick)
        {
            _clock.Advance(_tick);
            _publisher.Tick();
            await _publisher.SentAsync();
        }
    }

    private async Task QuietAsync()
    {
        await _publisher.SentAsync();
        Assert.Equal(0, _directory.Waiting);
        Assert.Equal(0, _clock.ArmedTimers);
    }

    private void Begin()
    {
        Interlocked.Increment(ref _source.Open);
        Interlocked.Increment(ref _source.Ever);
    }

    private void End()
    {
        if (Interlocked.Decrement(ref _source.Open) == 0)
        {
            _publisher.Idle();
        }
    }

    private sealed class Source : ISnapshotSource
    {
        public int Open;
        public long Ever;
        public long Epoch = 1;
        public int Records;

        public string InstanceId => "i";

        public string Boot => "boot-1";

        public int InFlight => Volatile.Read(ref Open);

        public long Accepted => Volatile.Read(ref Ever);

        /// <summary>What happens between the taking of a snapshot and its being told.</summary>
        public Action? Taken { get; set; }

        public InstanceSnapshot Take(long sequence)
        {
            var snapshot = Snapshots.Of(epoch: Volatile.Read(ref Epoch), sequence: sequence, inFlight: InFlight) with
            {
                Accepted = Accepted,
                Completed = Accepted - InFlight,
            };
            Taken?.Invoke();
            return snapshot;
        }

        public IReadOnlyList<InstanceRecord> RecordsAfter(ref long mark)
        {
            var from = (int)mark;
            mark = Records;
            return [.. Enumerable.Range(from + 1, Records - from).Select(i => new InstanceRecord(
                RecordKind.RecorderEvent, Boot, 1, DateTimeOffset.UnixEpoch, i.ToString(System.Globalization.CultureInfo.InvariantCulture)))];
        }

        public void RaiseEpoch(long epoch) => Volatile.Write(ref Epoch, epoch);
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

        public ConcurrentQueue<InstanceRecord> Records { get; } = new();

        public Exception? AppendError { get; set; }

        public Task AppendAsync(string instanceId, IReadOnlyList<InstanceRecord> records, CancellationToken cancellationToken)
        {
            if (AppendError is { } error)
            {
                throw error;
            }

            foreach (var record in records)
            {
                Records.Enqueue(record);
            }

            return Task.CompletedTask;
        }

        public Task<DirectoryView> ReadAllAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<DirectoryEntry?> ReadAsync(string instanceId, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<DirectoryPage> ReadChangesAsync(DirectoryVersion since, int limit, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<IReadOnlyList<InstanceRecord>> ReadRecordsAsync(string instanceId, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }
}
