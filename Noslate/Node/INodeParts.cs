using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Stats;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Node;

/// <summary>Keeps the planes' profiles as wanted.</summary>
internal interface IProfilePublisher : IAsyncDisposable
{
    event Action? Changed;

    ProfilesStatus Status { get; }

    void SetDesired(ProfileSet profiles);

    void ControlPlaneConnected(int index);

    void ControlPlaneDisconnected(int index);

    void DataPlaneConnected(int index);

    void DataPlaneDisconnected(int index);
}

/// <summary>Reads functions and workers from the planes.</summary>
internal interface IStatsReader
{
    Task<NodeStats> ReadAsync(CancellationToken cancellationToken);
}

/// <summary>Makes the parts of a node that speak to its planes beside the invocations.</summary>
internal interface INodeParts
{
    IProfilePublisher CreatePublisher(IReadOnlyList<IUnaryCaller> controlPlanes, IReadOnlyList<IUnaryCaller> dataPlanes);

    IStatsReader CreateStatsReader(IReadOnlyList<IUnaryCaller> controlPlanes, IReadOnlyList<IUnaryCaller> dataPlanes);
}
