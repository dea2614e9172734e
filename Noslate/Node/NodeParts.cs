using Microsoft.Extensions.Logging;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Stats;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Node;

/// <summary>The parts of a real node.</summary>
internal sealed class NodeParts(NodeOptions options, TimeProvider time, ILoggerFactory loggers) : INodeParts
{
    public IProfilePublisher CreatePublisher(IReadOnlyList<IUnaryCaller> controlPlanes, IReadOnlyList<IUnaryCaller> dataPlanes) =>
        new ProfilePublisher(controlPlanes, dataPlanes, options, time, loggers);

    public IStatsReader CreateStatsReader(IReadOnlyList<IUnaryCaller> controlPlanes, IReadOnlyList<IUnaryCaller> dataPlanes) =>
        new StatsReader(controlPlanes, dataPlanes, options, time);
}
