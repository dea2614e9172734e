using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Routing;

/// <summary>A function or service that a request is given to.</summary>
/// <param name="Kind">Function or service.</param>
/// <param name="Name">Its name.</param>
public sealed record RouteTarget(InvocationTarget Kind, string Name);
