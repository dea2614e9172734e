using System.Collections.Concurrent;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Coordination.Lifecycle;

namespace NoslateFleet.Tests.Coordination.Fleet;

/// <summary>Which profiles an instance of a fleet goes by.</summary>
public sealed class ProfileFollowerTests : IAsyncDisposable
{
    private readonly InstanceUnderTest _instance = new();
    private readonly Work _work = new();
    private readonly AbsentableDirectory _profiles;
    private readonly InMemoryFleetDirectory _directory;
    private readonly DeafListening _notices;
    private readonly ProfileFollower _follower;
    private int _changes;

    public ProfileFollowerTests()
    {
        _directory = new InMemoryFleetDirectory(_instance.Clock);
        _profiles = new AbsentableDirectory(_directory);
        _notices = new DeafListening(_directory);
        _follower = new ProfileFollower(
            _profiles, _notices, _work, _instance.Life, () => Interlocked.Increment(ref _changes), _instance.Clock);
    }

    public async ValueTask DisposeAsync()
    {
        await _follower.DisposeAsync();
        _instance.Dispose();
    }

    [Fact]
    public async Task ProfilesSetBeforeTheStart_AreApplied()
    {
        await SetAsync("a");
        _follower.Start();

        await FollowsAsync(1);
        Assert.Equal(["a"], _work.Applied);
        Assert.Equal(1, _changes);
    }

    [Fact]
    public async Task NewProfiles_AreAppliedOnNotice()
    {
        await SetAsync("a");
        _follower.Start();
        await FollowsAsync(1);

        await SetAsync("b");

        await FollowsAsync(2);
        Assert.Equal(["a", "b"], _work.Applied);
    }

    [Fact]
    public async Task NewProfilesWhoseNoticeIsLost_AreAppliedAfterAThaw()
    {
        _notices.Deaf = true;
        await SetAsync("a");
        _follower.Start();
        await FollowsAsync(1);
        await SetAsync("b");

        _instance.Clock.Advance(TimeSpan.FromMinutes(2));
        _instance.Life.Tick();

        await FollowsAsync(2);
    }

    [Fact]
    public async Task NoticeWithoutAnythingNew_AppliesNothing()
    {
        await SetAsync("a");
        _follower.Start();
        await FollowsAsync(1);
        var asked = _profiles.Asked;

        _follower.Look();

        await Until.TrueAsync(() => _profiles.Asked > asked, "it did not look");
        Assert.Equal(["a"], _work.Applied);
    }

    [Fact]
    public async Task ProfilesThatCannotBeApplied_AreToldWithTheirVersion_AndTheOldOnesStay()
    {
        await SetAsync("a");
        _follower.Start();
        await FollowsAsync(1);

        await SetAsync("bad");

        await FollowsAsync(1, "version 2: bad is bad");

        await SetAsync("a");
        await FollowsAsync(3);
    }

    [Fact]
    public async Task FirstProfilesThatCannotBeApplied_LeaveTheOwnFile()
    {
        await SetAsync("bad");
        _follower.Start();

        await FollowsAsync(null, "version 1: bad is bad");
    }

    [Fact]
    public async Task WhenTheFleetHasNoneAnyMore_TheOwnFileIsAppliedAgain()
    {
        await SetAsync("a");
        _follower.Start();
        await FollowsAsync(1);

        await SetAsync(null);

        await FollowsAsync(null);
        Assert.Equal(["a", "own"], _work.Applied);
    }

    [Fact]
    public async Task WithoutFleetProfiles_NothingIsApplied()
    {
        _follower.Start();

        await Until.TrueAsync(() => _profiles.Asked > 0, "it did not look");
        await SetAsync("a");
        await FollowsAsync(1);
        Assert.Equal(["a"], _work.Applied);
    }

    [Fact]
    public async Task SameNumberWithAnotherText_OfADirectoryThatBeganAnew_IsApplied()
    {
        await SetAsync("a");
        _follower.Start();
        await FollowsAsync(1);

        _profiles.Inner = new InMemoryFleetDirectory(_instance.Clock);
        await ((IFleetProfiles)_profiles.Inner).SetAsync("b", "tests", null, null, default);
        _follower.Look();

        await Until.TrueAsync(() => _work.Applied.Contains("b"), "the other text was not applied");
    }

    [Fact]
    public async Task WhileTheDirectoryIsAway_EverythingStays_AndItIsAskedAgain()
    {
        await SetAsync("a");
        _follower.Start();
        await FollowsAsync(1);
        _profiles.Away = true;
        await SetAsync("b");
        await _instance.Clock.WhenArmedAsync(LookLoop.RetryPause);
        Assert.Equal((1, (string?)null), (_follower.Version, _follower.Error));

        _profiles.Away = false;
        _instance.Clock.Advance(LookLoop.RetryPause);

        await FollowsAsync(2);
    }

    private Task<FleetProfile?> SetAsync(string? json) => _profiles.SetAsync(json, "tests", null, null, default);

    private Task FollowsAsync(long? version, string? error = null) => Until.TrueAsync(
        () => (_follower.Version, _follower.Error) == (version, error),
        $"expected version {version} and error {error}, it is {_follower.Version} and {_follower.Error}");

    private sealed class Work : IFleetProfileWork
    {
        public ConcurrentQueue<string> Applied { get; } = new();

        public string? Apply(string? json)
        {
            if (json == "bad")
            {
                return "bad is bad";
            }

            Applied.Enqueue(json ?? "own");
            return null;
        }
    }

    /// <summary>Passes notices on unless the test wants them lost.</summary>
    private sealed class DeafListening(IFleetNotices inner) : IFleetNotices
    {
        public volatile bool Deaf;

        public IDisposable Listen(string? instanceId, Action<FleetNotice> handler) => inner.Listen(instanceId, notice =>
        {
            if (!Deaf)
            {
                handler(notice);
            }
        });
    }
}
