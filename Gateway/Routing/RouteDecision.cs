namespace NoslateFleet.Gateway.Routing;

/// <summary>What the router decided.</summary>
internal enum RouteOutcome
{
    /// <summary>Nothing chose a function, or the caller chose one that it may not reach.</summary>
    None,

    /// <summary>A header names a function in a form that is not understood.</summary>
    Malformed,

    /// <summary>A function or service was found.</summary>
    Found,
}

/// <summary>Where a request goes.</summary>
/// <param name="Outcome">What was decided.</param>
/// <param name="Target">The function or service, when found.</param>
/// <param name="Url">The url as the function shall see it.</param>
/// <param name="Rule">The row of the route table that matched, if one did.</param>
internal readonly record struct RouteDecision(RouteOutcome Outcome, RouteTarget? Target, string Url, RouteRule? Rule)
{
    public static RouteDecision None => new(RouteOutcome.None, null, "", null);

    public static RouteDecision Malformed => new(RouteOutcome.Malformed, null, "", null);
}
