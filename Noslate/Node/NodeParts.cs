using Microsoft.Extensions.Logging;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Stats;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Node;

/// <summary>The parts of a real node.</summary>
internal sealed class NodeParts(NodeOptions options, TimeProvider time, ILoggerFactory loggers) : INodeParts
{
    private readonly ILogger _logger = loggers.CreateLogger<NodeParts>();

    public IProfilePublisher CreatePublisher(IReadOnlyList<IUnaryCaller> controlPlanes, IReadOnlyList<IUnaryCaller> dataPlanes) =>
        new HeldProfiles(_logger);

    public IStatsReader CreateStatsReader(IReadOnlyList<IUnaryCaller> controlPlanes, IReadOnlyList<IUnaryCaller> dataPlanes) =>
        new NoStats(options, time);
}
