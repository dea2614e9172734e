using NoslateFleet.Noslate.Protocol.Data;

namespace NoslateFleet.Noslate.Node;

/// <summary>Something a data plane told on its event stream. Exactly one of the two messages is set.</summary>
/// <param name="Plane">The plane's name: <c>dp-0</c>.</param>
/// <param name="RequestQueueing">A request had to wait for a worker.</param>
/// <param name="ContainerStatus">A worker came, was drained, or went.</param>
public sealed record NodeEvent(string Plane, RequestQueueingBroadcast? RequestQueueing, ContainerStatusReport? ContainerStatus);
