using System.Collections.Concurrent;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Fleet;

/// <summary>Which profiles an instance of a fleet goes by.</summary>
public sealed class ProfileFollowerTests : IAsyncDisposable
{
    private readonly ManualTimeProvider _clock = new();
    private readonly Work _work = new();
    private readonly InMemoryFleetDirectory _directory;
    private readonly IFleetProfiles _profiles;
    private readonly ProfileFollower _follower;

    public ProfileFollowerTests()
    {
        _directory = new InMemoryFleetDirectory(_clock);
        _profiles = _directory;
        _follower = new ProfileFollower(_directory, _directory, _work, _clock);
    }

    public ValueTask DisposeAsync() => _follower.DisposeAsync();

    [Fact]
    public async Task ProfilesSetBeforeTheStart_AreApplied()
    {
        await SetAsync("a");
        _follower.Start();

        await FollowsAsync(new FollowedProfile(1, null));
        Assert.Equal(["a"], _work.Applied);
    }

    [Fact]
    public async Task NewProfiles_AreAppliedOnNotice()
    {
        await SetAsync("a");
        _follower.Start();
        await FollowsAsync(new FollowedProfile(1, null));

        await SetAsync("b");

        await FollowsAsync(new FollowedProfile(2, null));
        Assert.Equal(["a", "b"], _work.Applied);
    }

    [Fact]
    public async Task ProfilesThatCannotBeApplied_AreToldWithTheirVersion_AndTheOldOnesStay()
    {
        await SetAsync("a");
        _follower.Start();
        await FollowsAsync(new FollowedProfile(1, null));

        await SetAsync("bad");

        await FollowsAsync(new FollowedProfile(1, "version 2: bad is bad"));
    }

    [Fact]
    public async Task WhenTheFleetHasNoneAnyMore_TheOwnFileIsAppliedAgain()
    {
        await SetAsync("a");
        _follower.Start();
        await FollowsAsync(new FollowedProfile(1, null));

        await SetAsync(null);

        await FollowsAsync(FollowedProfile.Own);
        Assert.Equal(["a", "own"], _work.Applied);
    }

    private Task<FleetProfile?> SetAsync(string? json) => _profiles.SetAsync(json, "tests", null, null, default);

    private Task FollowsAsync(FollowedProfile expected) =>
        Until.TrueAsync(() => _follower.Followed == expected, $"expected {expected}, it is {_follower.Followed}");

    private sealed class Work : IFleetProfileWork
    {
        public ConcurrentQueue<string> Applied { get; } = new();

        public Task<string?> ApplyAsync(string? json, CancellationToken cancellationToken)
        {
            Applied.Enqueue(json ?? "own");
            return Task.FromResult(json == "bad" ? "bad is bad" : null);
        }
    }
}
