using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// Keeps this instance at the fleet's newest profiles: looks at its start, when it is told of new ones, after a thaw, and when the directory is back.
/// What can't be applied never is: the last good version stays, and the error is told. Where the fleet has none, the instance's own file holds. While
/// the directory is away everything stays as it is.
/// </summary>
/// <remarks>Nothing in here throws at its caller, and no lock is held while anything is waited for.</remarks>
public sealed class ProfileFollower : IFleetProfileState, IAsyncDisposable
{
    private static readonly Followed _own = new(null, null);

    private readonly IFleetNotices _notices;
    private readonly IFleetProfileWork _work;
    private readonly InstanceLifecycle _lifecycle;
    private readonly Action _changed;
    private readonly LookLoop _loop;
    private volatile Followed _followed = _own;

    /// <summary>A follower that has not begun.</summary>
    /// <param name="profiles">The fleet's profiles.</param>
    /// <param name="notices">Tells of new ones.</param>
    /// <param name="work">Applies them.</param>
    /// <param name="lifecycle">Tells of thaws.</param>
    /// <param name="changed">Told after version or error have changed. Must be quick and not throw.</param>
    /// <param name="time">The clock.</param>
    public ProfileFollower(
        IFleetProfiles profiles, IFleetNotices notices, IFleetProfileWork work, InstanceLifecycle lifecycle, Action changed, TimeProvider time)
    {
        _notices = notices;
        _work = work;
        _lifecycle = lifecycle;
        _changed = changed;
        _loop = new LookLoop(
            "profiles",
            lifecycle,
            async cancellationToken => Follow(await profiles.ReadAsync(cancellationToken)),
            static () => new LookWait(Timeout.InfiniteTimeSpan),
            time);
    }

    /// <inheritdoc/>
    public long? Version => _followed.Profile?.Version;

    /// <inheritdoc/>
    public string? Error => _followed.Error;

    /// <summary>Begins to follow. Does nothing the second time.</summary>
    public void Start() => _loop.Start(() => _notices.Listen(null, notice =>
    {
        if (notice is FleetNotice.Profiles or FleetNotice.Anything)
        {
            Look();
        }
    }));

    /// <summary>Looks for newer profiles now.</summary>
    public void Look() => _loop.Look();

    /// <summary>Ends the following. The instance keeps the profiles it has.</summary>
    public ValueTask DisposeAsync() => _loop.DisposeAsync();

    private void Follow(FleetProfile? newest)
    {
        var followed = _followed;
        var held = followed.Profile;
        if (newest?.Json is not { } json)
        {
            if (held is not null)
            {
                Set(_work.Apply(null) is { } own ? followed with { Error = own } : _own, "the instance's own file");
            }
            else if (followed.Error is not null)
            {
                Set(_own, "the instance's own file");
            }

            return;
        }

        // Not by the number alone: a directory that was restarted empty counts anew.
        if (held is not null && held.Version == newest.Version && held.Json == json)
        {
            Set(followed with { Error = null }, $"version {held.Version}");
            return;
        }

        var error = _work.Apply(json);
        Set(
            error is null ? new Followed(newest, null) : followed with { Error = $"version {newest.Version}: {error}" },
            error is null ? $"version {newest.Version}, by {newest.By}" : $"version {newest.Version} can't be applied");
    }

    private void Set(Followed followed, string told)
    {
        if (followed != _followed)
        {
            _followed = followed;
            _lifecycle.Recorder.Record(_lifecycle.State.Epoch, "profiles", told);
            _changed();
        }
    }

    /// <summary>What the instance goes by.</summary>
    /// <param name="Profile">The fleet's version; null: its own file.</param>
    /// <param name="Error">Why the newest could not be applied; null if it was.</param>
    private sealed record Followed(FleetProfile? Profile, string? Error);
}
