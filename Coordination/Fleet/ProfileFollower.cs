namespace NoslateFleet.Coordination.Fleet;

/// <summary>How far an instance follows the fleet's profiles.</summary>
/// <param name="Version">The fleet's version that it has applied; null while it goes by its own file.</param>
/// <param name="Error">Why the newest could not be applied; null if it was, or there is none.</param>
public sealed record FollowedProfile(long? Version, string? Error)
{
    /// <summary>The instance goes by its own file.</summary>
    public static FollowedProfile Own { get; } = new(null, null);
}

/// <summary>
/// Keeps an instance at the fleet's newest profiles: at the start, on notice, and when it is told to look, after a thaw. What could not be
/// applied is tried again when a newer version comes, when it is told to look, or after a pause if it failed by an exception.
/// </summary>
public sealed class ProfileFollower : IAsyncDisposable
{
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(5);

    private readonly IFleetProfiles _profiles;
    private readonly IFleetNotices _notices;
    private readonly IFleetProfileWork _work;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopped = new();
    private readonly Lock _lookLock = new();
    private readonly SemaphoreSlim _look = new(1);
    private volatile FollowedProfile _followed = FollowedProfile.Own;
    private IDisposable? _listening;
    private Task _loop = Task.CompletedTask;

    /// <summary>A follower that has not begun.</summary>
    /// <param name="profiles">The fleet's profiles.</param>
    /// <param name="notices">Tells of new ones.</param>
    /// <param name="work">Applies them.</param>
    /// <param name="time">The clock.</param>
    public ProfileFollower(IFleetProfiles profiles, IFleetNotices notices, IFleetProfileWork work, TimeProvider time)
    {
        _profiles = profiles;
        _notices = notices;
        _work = work;
        _time = time;
    }

    /// <summary>Raised after <see cref="Followed"/> has changed. Must be quick and must not throw.</summary>
    public event Action? Changed;

    /// <summary>What the instance has of the fleet's profiles now.</summary>
    public FollowedProfile Followed => _followed;

    /// <summary>Begins to follow; once.</summary>
    public void Start()
    {
        _loop = Task.Run(RunAsync);
        _listening = _notices.Listen(null, notice =>
        {
            if (notice is FleetNotice.Profiles or FleetNotice.Anything)
            {
                Look();
            }
        });
    }

    /// <summary>Looks for newer profiles now: after a thaw.</summary>
    public void Look()
    {
        lock (_lookLock)
        {
            if (_look.CurrentCount == 0 && !_stopped.IsCancellationRequested)
            {
                _look.Release();
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _listening?.Dispose();
        lock (_lookLock)
        {
            // Notices on their way find it ended.
            _stopped.Cancel();
        }

        await _loop;
        _stopped.Dispose();
        _look.Dispose();
    }

    private async Task RunAsync()
    {
        var wait = Timeout.InfiniteTimeSpan;
        while (!_stopped.IsCancellationRequested)
        {
            try
            {
                await WaitAsync(wait);
                await FollowAsync();
                wait = Timeout.InfiniteTimeSpan;
            }
            catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
            {
                return;
            }
            catch (Exception)
            {
                // The directory or the node can't be reached, which others tell of. The node keeps the profiles it has.
                wait = _pause;
            }
        }
    }

    private async Task WaitAsync(TimeSpan wait)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stopped.Token);
        var looked = _look.WaitAsync(over.Token);
        await (wait == Timeout.InfiniteTimeSpan ? looked : Task.WhenAny(looked, Task.Delay(wait, _time, over.Token)))
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await over.CancelAsync();
        await looked.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopped.Token.ThrowIfCancellationRequested();
    }

    private async Task FollowAsync()
    {
        var newest = await _profiles.ReadAsync(_stopped.Token);
        var followed = _followed;
        if (newest?.Json is null)
        {
            if (followed.Version is null && followed.Error is null)
            {
                return;
            }

            Set(await _work.ApplyAsync(null, _stopped.Token) is { } own ? followed with { Error = own } : FollowedProfile.Own);
            return;
        }

        if (followed.Version == newest.Version && followed.Error is null)
        {
            return;
        }

        Set(await _work.ApplyAsync(newest.Json, _stopped.Token) is { } error
            ? followed with { Error = $"version {newest.Version}: {error}" }
            : new FollowedProfile(newest.Version, null));
    }

    private void Set(FollowedProfile followed)
    {
        if (followed != _followed)
        {
            _followed = followed;
            Changed?.Invoke();
        }
    }
}
