using System.Collections.Concurrent;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Tests.Common.Fleet;

/// <summary>
/// What every fleet directory must do, whatever it is kept in. A test class of each derives from it. Each test has a directory of its own, which
/// begins empty; where several instances of the class run side by side they must not see each other's.
/// </summary>
public abstract class FleetDirectoryConformance : IAsyncLifetime
{
    private FleetParts _fleet = null!;

    /// <summary>Receipts and recorder events that the directory under test keeps.</summary>
    protected const int KeptRecords = 10;

    /// <summary>Orders that it keeps of each instance.</summary>
    protected const int KeptOrders = 4;

    /// <summary>
    /// How long it keeps what it has of a silent instance. A derived class whose time is real overrides it with something shorter. Nothing else
    /// in these tests takes time.
    /// </summary>
    protected virtual TimeSpan Retention => TimeSpan.FromHours(1);

    private IFleetDirectory Directory => _fleet.Directory;

    private IFleetOrders Orders => _fleet.Orders;

    private IFleetProfiles Profiles => _fleet.Profiles;

    public async Task InitializeAsync() => _fleet = await OpenAsync();

    public virtual Task DisposeAsync() => Task.CompletedTask;

    /// <summary>Opens an empty directory with the bounds above.</summary>
    protected abstract Task<FleetParts> OpenAsync();

    /// <summary>Completes once at least that much of the directory's time has gone by.</summary>
    protected abstract Task ElapseAsync(TimeSpan time);

    [SkippableFact]
    public async Task Published_IsRead_Whole()
    {
        var snapshot = Snapshots.Full();
        Assert.Equal(new PublishResult(PublishOutcome.Published, "boot-1", 1), await Directory.PublishAsync(snapshot, default));
        var view = await Directory.ReadAllAsync(default);
        var entry = Assert.Single(view.Entries);
        Snapshots.Same(snapshot, entry.Snapshot);
        Assert.Empty(view.Unreadable);
        var single = await Directory.ReadAsync("i", default);
        Snapshots.Same(snapshot, single?.Snapshot);
        Assert.Equal(entry.ReceivedAt, single!.ReceivedAt);
        Assert.True(entry.ReceivedAt <= view.AsOf);
        Assert.Null(await Directory.ReadAsync("unknown", default));
    }

    [SkippableFact]
    public async Task Age_IsByTheDirectorysOwnClock()
    {
        // Instances' clocks differ, and jump.
        await Directory.PublishAsync(Snapshots.Of() with { AsOf = DateTimeOffset.UnixEpoch }, default);
        await ElapseAsync(TimeSpan.FromMilliseconds(20));
        var view = await Directory.ReadAllAsync(default);
        var age = view.AsOf - Assert.Single(view.Entries).ReceivedAt;
        Assert.InRange(age, TimeSpan.FromMilliseconds(20), TimeSpan.FromMinutes(5));
    }

    [SkippableFact]
    public async Task OlderLife_IsFenced_AndToldWhoHoldsTheLease()
    {
        await Directory.PublishAsync(Snapshots.Of("new", 5), default);
        Assert.Equal(
            new PublishResult(PublishOutcome.Fenced, "new", 5), await Directory.PublishAsync(Snapshots.Of("old", 4, 99), default));
        Assert.Equal(
            new PublishResult(PublishOutcome.Fenced, "new", 5), await Directory.PublishAsync(Snapshots.Of("other", 5, 99), default));
        Assert.Equal("new", (await Directory.ReadAsync("i", default))!.Snapshot.Boot);

        // What a process does at its first contact.
        Assert.Equal(
            new PublishResult(PublishOutcome.Published, "newest", 6), await Directory.PublishAsync(Snapshots.Of("newest", 6), default));
    }

    [SkippableFact]
    public async Task Epoch_BeyondWhatAFloatingNumberHolds_IsComparedExactly()
    {
        const long big = (1L << 53) - 1;
        await Directory.PublishAsync(Snapshots.Of("a", big - 1, big), default);
        Assert.Equal(PublishOutcome.Fenced, (await Directory.PublishAsync(Snapshots.Of("b", big - 1, big), default)).Outcome);
        Assert.Equal(new PublishResult(PublishOutcome.Published, "b", big), await Directory.PublishAsync(Snapshots.Of("b", big), default));
        Assert.Equal(big, (await Directory.ReadAsync("i", default))!.Snapshot.Epoch);
    }

    [SkippableFact]
    public async Task Stale_ChangesNothing_NotEvenItsAge()
    {
        await Directory.PublishAsync(Snapshots.Of(epoch: 2, sequence: 5), default);
        var before = (await Directory.ReadAsync("i", default))!;
        var version = (await Directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Version;
        await ElapseAsync(TimeSpan.FromMilliseconds(5));
        foreach (var late in new[] { Snapshots.Of(epoch: 2, sequence: 5, inFlight: 9), Snapshots.Of(epoch: 2, sequence: 4), Snapshots.Of(epoch: 1, sequence: 9) })
        {
            Assert.Equal(new PublishResult(PublishOutcome.Stale, "boot-1", 2), await Directory.PublishAsync(late, default));
        }

        var after = (await Directory.ReadAsync("i", default))!;
        Assert.Equal((before.ReceivedAt, 0), (after.ReceivedAt, after.Snapshot.InFlight));
        Assert.Equal(version, (await Directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Version);
    }

    [SkippableFact]
    public async Task Instances_AreListedByTheirId()
    {
        foreach (var id in new[] { "b", "a", "é/{x}:*", "B" })
        {
            await Directory.PublishAsync(Snapshots.Of(instance: id), default);
        }

        Assert.Equal(["B", "a", "b", "é/{x}:*"], (await Directory.ReadAllAsync(default)).Entries.Select(e => e.Snapshot.InstanceId));
    }

    [SkippableFact]
    public async Task ManyPublishers_OfOneInstance_TheNewestStays()
    {
        await Parallel.ForAsync(1, 200, async (i, token) => await Directory.PublishAsync(Snapshots.Of("b" + (i / 10), 1 + (i / 10), i), token));
        var kept = (await Directory.ReadAsync("i", default))!.Snapshot;
        Assert.Equal(("b19", 20L, 199L), (kept.Boot, kept.Epoch, kept.Sequence));
    }

    [SkippableFact]
    public async Task Changes_AreTold_PageByPage_TheLongestUnchangedFirst_EachOnce()
    {
        foreach (var id in new[] { "a", "b", "c", "d", "e" })
        {
            await Directory.PublishAsync(Snapshots.Of(instance: id), default);
        }

        await Directory.PublishAsync(Snapshots.Of(instance: "a", sequence: 2), default);
        var first = await Directory.ReadChangesAsync(DirectoryVersion.None, 2, default);
        Assert.Equal((true, false), (first.More, first.Reset));
        Assert.Equal(["b", "c"], Ids(first));
        var second = await Directory.ReadChangesAsync(first.Version, 2, default);
        Assert.Equal(["d", "e"], Ids(second));
        var third = await Directory.ReadChangesAsync(second.Version, 2, default);
        Assert.Equal(["a"], Ids(third));
        Assert.Equal((false, 2), (third.More, (int)third.Changed[0].Snapshot.Sequence));
        var none = await Directory.ReadChangesAsync(third.Version, 2, default);
        Assert.Empty(none.Changed);
        Assert.Equal((third.Version, false), (none.Version, none.More));

        await Directory.PublishAsync(Snapshots.Of(instance: "c", sequence: 2), default);
        Assert.Equal(["c"], Ids(await Directory.ReadChangesAsync(none.Version, 2, default)));
    }

    [SkippableFact]
    public async Task Changes_SinceAnotherDirectorysVersion_BeginAnew_AndSaySo()
    {
        await Directory.PublishAsync(Snapshots.Of(), default);
        var mine = (await Directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Version;
        foreach (var foreign in new[] { new DirectoryVersion("another", 0), new DirectoryVersion("another", mine.Number), mine with { Number = mine.Number + 1000 } })
        {
            var page = await Directory.ReadChangesAsync(foreign, 10, default);
            Assert.True(page.Reset);
            Assert.Equal(["i"], Ids(page));
            Assert.Equal(mine, page.Version);
        }
    }

    [SkippableFact]
    public async Task ChangesRead_WhileOthersPublish_EndInTheTruth()
    {
        var publishing = Parallel.ForAsync(1, 100, async (i, token) =>
            await Directory.PublishAsync(Snapshots.Of(instance: "i" + (i % 7), sequence: i), token));
        var seen = new Dictionary<string, long>();
        var since = DirectoryVersion.None;
        async Task ReadAsync()
        {
            DirectoryPage page;
            do
            {
                page = await Directory.ReadChangesAsync(since, 3, default);
                Assert.False(page.Reset);
                foreach (var entry in page.Changed)
                {
                    seen[entry.Snapshot.InstanceId] = entry.Snapshot.Sequence;
                }

                since = page.Version;
            }
            while (page.More);
        }

        while (!publishing.IsCompleted)
        {
            await ReadAsync();
        }

        await publishing;
        await ReadAsync();
        var truth = (await Directory.ReadAllAsync(default)).Entries.ToDictionary(e => e.Snapshot.InstanceId, e => e.Snapshot.Sequence);
        Assert.Equal(truth.OrderBy(e => e.Key), seen.OrderBy(e => e.Key));
    }

    [SkippableFact]
    public async Task EntryPastRetention_VanishesByItself_AndIsToldAsRemoved()
    {
        await Directory.PublishAsync(Snapshots.Of(instance: "old"), default);
        await Directory.AppendAsync("old", [Record("1")], default);
        var since = (await Directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Version;
        await ElapseAsync(Retention / 2);
        await Directory.PublishAsync(Snapshots.Of(instance: "young"), default);
        await ElapseAsync(Retention / 2);
        Assert.Null(await Directory.ReadAsync("old", default));
        Assert.Equal(["young"], (await Directory.ReadAllAsync(default)).Entries.Select(e => e.Snapshot.InstanceId));
        Assert.Empty(await Directory.ReadRecordsAsync("old", default));
        var page = await Directory.ReadChangesAsync(since, 10, default);
        Assert.Equal(["young"], Ids(page));
        Assert.Equal(["old"], page.Removed);
        Assert.Empty((await Directory.ReadChangesAsync(page.Version, 10, default)).Removed);

        // Nothing holds its place any more: a life with a lower epoch may come.
        Assert.Equal(PublishOutcome.Published, (await Directory.PublishAsync(Snapshots.Of("b", instance: "old"), default)).Outcome);
        Assert.Equal(["old"], Ids(await Directory.ReadChangesAsync(page.Version, 10, default)));
    }

    [SkippableFact]
    public async Task EntryThatIsRenewed_Stays()
    {
        await Directory.PublishAsync(Snapshots.Of(sequence: 1), default);
        await ElapseAsync(Retention * 0.6);
        await Directory.PublishAsync(Snapshots.Of(sequence: 2), default);
        await ElapseAsync(Retention * 0.6);
        Assert.NotNull(await Directory.ReadAsync("i", default));
        Assert.Empty((await Directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Removed);
    }

    [SkippableFact]
    public async Task Records_AreKeptInOrder_TheOldestDropped_OfOldLivesToo()
    {
        await Directory.PublishAsync(Snapshots.Of("new", 5), default);
        await Directory.AppendAsync("i", [Record("0"), Record("1")], default);
        await Directory.AppendAsync("i", [], default);
        for (var i = 2; i <= KeptRecords; i++)
        {
            await Directory.AppendAsync("i", [Record(i.ToString(System.Globalization.CultureInfo.InvariantCulture))], default);
        }

        var kept = await Directory.ReadRecordsAsync("i", default);
        Assert.Equal(Enumerable.Range(1, KeptRecords).Select(i => Record(i.ToString(System.Globalization.CultureInfo.InvariantCulture))), kept);
        Assert.Empty(await Directory.ReadRecordsAsync("unknown", default));
    }

    [SkippableFact]
    public async Task Order_IsPlacedOnce_ByTheDirectorysClock_WithItsTimeToExpiry()
    {
        var order = Order("o1") with { PlacedAt = DateTimeOffset.UnixEpoch, ExpiresAt = DateTimeOffset.UnixEpoch.AddMinutes(7), ContainerLife = "life" };
        var placed = await Orders.PlaceAsync(order, default);
        Assert.Null(placed.Result);
        Assert.Equal(TimeSpan.FromMinutes(7), placed.Order.ExpiresAt - placed.Order.PlacedAt);
        var now = (await Directory.ReadAllAsync(default)).AsOf;
        Assert.InRange(now - placed.Order.PlacedAt, TimeSpan.Zero, TimeSpan.FromMinutes(5));
        Assert.Equal(order, placed.Order with { PlacedAt = order.PlacedAt, ExpiresAt = order.ExpiresAt });

        var again = await Orders.PlaceAsync(order with { Kind = FleetOrderKind.Flush, ExpiresAt = order.ExpiresAt.AddDays(1) }, default);
        Assert.Equal(placed, again);
        Assert.Equal([placed], await Orders.ListAsync("i", default));
        Assert.Empty(await Orders.ListAsync("other", default));
    }

    [SkippableFact]
    public async Task Result_TheFirstCounts_AndOnlyOfAnOrderThatIsThere()
    {
        await Orders.PlaceAsync(Order("o1"), default);
        Assert.False(await Orders.CompleteAsync(Result("o2"), default));
        Assert.False(await Orders.CompleteAsync(Result("o1") with { InstanceId = "other" }, default));
        Assert.True(await Orders.CompleteAsync(Result("o1"), default));
        Assert.False(await Orders.CompleteAsync(Result("o1") with { Outcome = FleetOrderOutcome.Failed }, default));
        var state = Assert.Single(await Orders.ListAsync("i", default));
        Assert.Equal(Result("o1"), state.Result);
        Assert.Equal(state, await Orders.PlaceAsync(Order("o1"), default));
    }

    [SkippableFact]
    public async Task Orders_AreListedOldestFirst_AndBounded_EndedOnesGoingFirst()
    {
        for (var i = 1; i <= KeptOrders; i++)
        {
            await Orders.PlaceAsync(Order("o" + i), default);
        }

        await Orders.CompleteAsync(Result("o2"), default);
        await Orders.PlaceAsync(Order("new"), default);
        Assert.Equal(["o1", "o3", "o4", "new"], (await Orders.ListAsync("i", default)).Select(o => o.Order.Id));
        await Orders.PlaceAsync(Order("newer"), default);
        Assert.Equal(["o3", "o4", "new", "newer"], (await Orders.ListAsync("i", default)).Select(o => o.Order.Id));
    }

    [SkippableFact]
    public async Task Order_PastItsExpiryAndRetention_IsGone()
    {
        var placed = await Orders.PlaceAsync(Order("o1", TimeSpan.FromMilliseconds(1)), default);
        await ElapseAsync(TimeSpan.FromMilliseconds(2));
        Assert.Equal([placed], await Orders.ListAsync("i", default));
        await ElapseAsync(Retention + TimeSpan.FromMilliseconds(1));
        Assert.Empty(await Orders.ListAsync("i", default));
    }

    [SkippableFact]
    public async Task Profiles_CountUp_AndTheLastTenAreKept_NewestFirst()
    {
        Assert.Null(await Profiles.ReadAsync(default));
        Assert.Empty(await Profiles.ListAsync(default));
        for (var i = 1; i <= 12; i++)
        {
            var json = i == 12 ? null : $"{{\"n\":{i}}}";
            var set = await Profiles.SetAsync(json, "é", i % 2 == 0 ? i - 1 : null, i == 11 ? 3 : null, default);
            Assert.Equal((i, json, "é", i == 11 ? 3L : (long?)null), ((int)set!.Version, set.Json, set.By, set.RolledBackTo));
            Assert.Equal(set, await Profiles.ReadAsync(default));
        }

        var kept = await Profiles.ListAsync(default);
        Assert.Equal(Enumerable.Range(3, 10).Reverse().Select(i => (long)i), kept.Select(p => p.Version));
        Assert.Null(kept[0].Json);
    }

    [SkippableFact]
    public async Task Profile_MadeFromAnotherVersion_IsNotSet()
    {
        Assert.Null(await Profiles.SetAsync("{}", "a", expectedVersion: 1, null, default));
        Assert.NotNull(await Profiles.SetAsync("{}", "a", expectedVersion: 0, null, default));
        Assert.Null(await Profiles.SetAsync("{}", "b", expectedVersion: 0, null, default));
        Assert.Equal("a", Assert.Single(await Profiles.ListAsync(default)).By);
    }

    [SkippableFact]
    public async Task ProfilesSetAtTheSameTime_FromTheSameVersion_OneIsSet()
    {
        var sets = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Profiles.SetAsync("{}", "by" + i, 0, null, default)));
        Assert.Equal(sets.Single(set => set is not null), await Profiles.ReadAsync(default));
    }

    [SkippableFact]
    public async Task Listener_IsToldAnythingFirst_ThenWhatConcernsIt()
    {
        var mine = new ConcurrentQueue<FleetNotice>();
        var fleet = new ConcurrentQueue<FleetNotice>();
        using var one = _fleet.Notices.Listen("i", mine.Enqueue);
        using var two = _fleet.Notices.Listen(null, fleet.Enqueue);
        await Heard(mine, FleetNotice.Anything);
        await Heard(fleet, FleetNotice.Anything);
        await Directory.PublishAsync(Snapshots.Of(instance: "other"), default);
        await Heard(mine, FleetNotice.Snapshots);
        await Heard(fleet, FleetNotice.Snapshots);
        await Orders.PlaceAsync(Order("o1") with { InstanceId = "other" }, default);
        await Orders.PlaceAsync(Order("o2"), default);
        await Heard(mine, FleetNotice.Order);
        await Profiles.SetAsync("{}", "a", null, null, default);
        await Heard(mine, FleetNotice.Profiles);
        await Heard(fleet, FleetNotice.Profiles);
        Assert.Single(mine, notice => notice == FleetNotice.Order);
        Assert.DoesNotContain(FleetNotice.Order, fleet);
        Assert.Equal((FleetNotice.Anything, FleetNotice.Anything), (mine.First(), fleet.First()));
    }

    [SkippableFact]
    public async Task Listener_ThatIsDisposedOf_IsToldNoMore()
    {
        var gone = new ConcurrentQueue<FleetNotice>();
        var there = new ConcurrentQueue<FleetNotice>();
        var listening = _fleet.Notices.Listen(null, gone.Enqueue);
        using var other = _fleet.Notices.Listen(null, there.Enqueue);
        await Heard(gone, FleetNotice.Anything);
        await Heard(there, FleetNotice.Anything);
        listening.Dispose();
        listening.Dispose();
        await Profiles.SetAsync("{}", "a", null, null, default);
        await Heard(there, FleetNotice.Profiles);
        Assert.DoesNotContain(FleetNotice.Profiles, gone);
    }

    [SkippableFact]
    public async Task Cancelled_Throws()
    {
        var cancelled = new CancellationToken(true);
        await Throws(() => Directory.PublishAsync(Snapshots.Of(), cancelled));
        await Throws(() => Directory.AppendAsync("i", [Record("1")], cancelled));
        await Throws(() => Directory.ReadAllAsync(cancelled));
        await Throws(() => Directory.ReadAsync("i", cancelled));
        await Throws(() => Directory.ReadChangesAsync(DirectoryVersion.None, 1, cancelled));
        await Throws(() => Directory.ReadRecordsAsync("i", cancelled));
        await Throws(() => Orders.PlaceAsync(Order("o"), cancelled));
        await Throws(() => Orders.ListAsync("i", cancelled));
        await Throws(() => Orders.CompleteAsync(Result("o"), cancelled));
        await Throws(() => Profiles.ReadAsync(cancelled));
        await Throws(() => Profiles.ListAsync(cancelled));
        await Throws(() => Profiles.SetAsync(null, "a", null, null, cancelled));

        static Task Throws(Func<Task> call) => Assert.ThrowsAnyAsync<OperationCanceledException>(call);
    }

    [SkippableFact]
    public Task PageWithoutRoom_IsRefused() =>
        Assert.ThrowsAnyAsync<ArgumentOutOfRangeException>(() => Directory.ReadChangesAsync(DirectoryVersion.None, 0, default));

    private static Task Heard(ConcurrentQueue<FleetNotice> heard, FleetNotice notice) =>
        Until.TrueAsync(() => heard.Contains(notice), $"no notice {notice}; heard: {string.Join(", ", heard)}");

    private static IEnumerable<string> Ids(DirectoryPage page) => page.Changed.Select(e => e.Snapshot.InstanceId);

    private static InstanceRecord Record(string json) => new(RecordKind.RecorderEvent, "old", 1, DateTimeOffset.UnixEpoch, json);

    private static FleetOrder Order(string id, TimeSpan? lasts = null) => new(
        id, "i", null, FleetOrderKind.Drain, "somebody", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch + (lasts ?? TimeSpan.FromMinutes(1)));

    private static FleetOrderResult Result(string id) => new(
        id, "i", "boot", 3, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), FleetOrderOutcome.Done, "done", "{\"verdict\":\"Clean\"}");
}
