using Microsoft.Extensions.Logging;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Stats;

namespace NoslateFleet.Noslate.Node;

/// <summary>Remembers the wanted profiles and says that they are not set.</summary>
internal sealed partial class HeldProfiles(ILogger logger) : IProfilePublisher
{
    private volatile ProfilesStatus _status = new(ProfilesState.None, null, null);

    public event Action? Changed;

    public ProfilesStatus Status => _status;

    public void SetDesired(ProfileSet profiles)
    {
        _status = new ProfilesStatus(ProfilesState.Pending, profiles.Version, "nothing in this build sets profiles");
        LogHeld(profiles.Version);
        Changed?.Invoke();
    }

    public void ControlPlaneConnected(int index)
    {
    }

    public void ControlPlaneDisconnected(int index)
    {
    }

    public void DataPlaneConnected(int index)
    {
    }

    public void DataPlaneDisconnected(int index)
    {
    }

    public ValueTask DisposeAsync() => default;

    [LoggerMessage(EventId = 111, Level = LogLevel.Warning, Message = "Profiles {Version} are kept but not set: nothing in this build sets them.")]
    private partial void LogHeld(string version);
}

/// <summary>Tells of no function.</summary>
internal sealed class NoStats(NodeOptions options, TimeProvider time) : IStatsReader
{
    public Task<NodeStats> ReadAsync(CancellationToken cancellationToken) => Task.FromResult(new NodeStats(
        [], null, null, [$"{time.GetUtcNow():O}: nothing in this build reads the stats of {options.Workdir}"]));
}
