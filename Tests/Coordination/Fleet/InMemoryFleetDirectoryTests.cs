using System.Text.Json;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Fleet;

public sealed class InMemoryFleetDirectoryTests
{
    private readonly ManualTimeProvider _clock = new();
    private readonly InMemoryFleetDirectory _directory;

    public InMemoryFleetDirectoryTests() => _directory = new InMemoryFleetDirectory(_clock, maxRecords: 3);

    [Fact]
    public async Task Published_IsRead_WithTheTimeItWasReceived()
    {
        var snapshot = Snapshots.Of(inFlight: 2);
        Assert.Equal(new PublishResult(PublishOutcome.Published, "boot-1", 1), await _directory.PublishAsync(snapshot, default));
        var received = _clock.GetUtcNow();
        _clock.Advance(TimeSpan.FromSeconds(20));
        var view = await _directory.ReadAllAsync(default);
        var entry = Assert.Single(view.Entries);
        Assert.Same(snapshot, entry.Snapshot);
        Assert.Equal((received, _clock.GetUtcNow()), (entry.ReceivedAt, view.AsOf));
        Assert.Equal(Standing.Lost, view.StandingOf(entry, new StandingOptions()));
    }

    [Fact]
    public async Task OlderLife_IsFenced_AndToldWhoHoldsTheLease()
    {
        await _directory.PublishAsync(Snapshots.Of("new", 5), default);
        var older = await _directory.PublishAsync(Snapshots.Of("old", 4, 99), default);
        Assert.Equal(new PublishResult(PublishOutcome.Fenced, "new", 5), older);
        Assert.Equal("new", Assert.Single((await _directory.ReadAllAsync(default)).Entries).Snapshot.Boot);

        // What a process does at its first contact.
        var newest = await _directory.PublishAsync(Snapshots.Of("newest", 6), default);
        Assert.Equal(new PublishResult(PublishOutcome.Published, "newest", 6), newest);
    }

    [Fact]
    public async Task Stale_ChangesNothing_NotEvenItsAge()
    {
        await _directory.PublishAsync(Snapshots.Of(sequence: 2), default);
        var received = _clock.GetUtcNow();
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(PublishOutcome.Stale, (await _directory.PublishAsync(Snapshots.Of(sequence: 1), default)).Outcome);
        Assert.Equal(received, Assert.Single((await _directory.ReadAllAsync(default)).Entries).ReceivedAt);
    }

    [Fact]
    public async Task Instances_AreListedByTheirId()
    {
        await _directory.PublishAsync(Snapshots.Of(instance: "b"), default);
        await _directory.PublishAsync(Snapshots.Of(instance: "a"), default);
        var view = await _directory.ReadAllAsync(default);
        Assert.Equal(["a", "b"], view.Entries.Select(e => e.Snapshot.InstanceId));
        Assert.Empty(view.Unreadable);
    }

    [Fact]
    public async Task Records_AreKeptInOrder_TheOldestDropped_OfOldLivesToo()
    {
        await _directory.PublishAsync(Snapshots.Of("new", 5), default);
        await _directory.AppendAsync("i", [Record("1"), Record("2")], default);
        await _directory.AppendAsync("i", [Record("3"), Record("4")], default);
        Assert.Equal(["2", "3", "4"], (await _directory.ReadRecordsAsync("i", default)).Select(r => r.Json));
        Assert.Empty(await _directory.ReadRecordsAsync("unknown", default));
    }

    [Fact]
    public async Task Cancelled_Throws()
    {
        var cancelled = new CancellationToken(true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _directory.PublishAsync(Snapshots.Of(), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _directory.AppendAsync("i", [], cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _directory.ReadAllAsync(cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _directory.ReadRecordsAsync("i", cancelled));
    }

    [Fact]
    public async Task ManyPublishers_OfOneInstance_TheNewestStays()
    {
        await Parallel.ForAsync(1, 500, async (i, token) => await _directory.PublishAsync(Snapshots.Of("b" + (i / 10), i / 10, i), token));
        var kept = Assert.Single((await _directory.ReadAllAsync(default)).Entries).Snapshot;
        Assert.Equal((49L, 499L), (kept.Epoch, kept.Sequence));
    }

    [Fact]
    public void Snapshot_SurvivesJson()
    {
        var snapshot = Snapshots.Of(phase: InstancePhase.Draining, inFlight: 1, next: TimeSpan.FromSeconds(5)) with
        {
            Functions =
            [
                new FunctionStatus(
                    "f",
                    FunctionTemperature.Warm,
                    [new WorkerFact("w", WorkerState.Ready, 1, 10)],
                    new FunctionCounters("f", 1, 0, 0, 0, 0, 1, TimeSpan.FromMilliseconds(12), 0, 1),
                    DateTimeOffset.UnixEpoch),
            ],
            LastReceiptJson = "{\"verdict\":\"Clean\"}",
            ProfileVersion = "v1",
        };
        var json = JsonSerializer.Serialize(snapshot);
        var back = JsonSerializer.Deserialize<InstanceSnapshot>(json)!;
        Assert.Equal(json, JsonSerializer.Serialize(back));
        Assert.Equal(snapshot with { Functions = [] }, back with { Functions = [] });
        Assert.Equal(InstanceSnapshot.CurrentSchema, back.Schema);
    }

    private static InstanceRecord Record(string json) => new(RecordKind.RecorderEvent, "old", 1, DateTimeOffset.UnixEpoch, json);
}
