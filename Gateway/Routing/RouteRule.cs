namespace NoslateFleet.Gateway.Routing;

/// <summary>One row of the route table. What is null matches everything.</summary>
/// <param name="Host">A host name without port, or <c>*.example.com</c> for every name below one.</param>
/// <param name="PathPrefix">A prefix of the decoded path, matched at segment borders: <c>/api</c> matches <c>/api</c> and <c>/api/x</c>, not <c>/apix</c>.</param>
/// <param name="Methods">HTTP methods, in upper case.</param>
/// <param name="Target">Where a match goes.</param>
/// <param name="Timeout">Time to the response head for this route; null for the general one.</param>
/// <param name="Idle">The body's idle limit for this route.</param>
public sealed record RouteRule(
    string? Host, string? PathPrefix, IReadOnlyList<string>? Methods, RouteTarget Target, TimeSpan? Timeout, IdleLimit Idle);

/// <summary>A route's own idle limit.</summary>
/// <param name="Inherit">True: the general one applies.</param>
/// <param name="Value">The limit; null switches it off.</param>
public readonly record struct IdleLimit(bool Inherit, TimeSpan? Value);
