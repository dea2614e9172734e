namespace NoslateFleet.Gateway.Routing;

/// <summary>How a request is given to a function.</summary>
public sealed class RoutingOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Routing";

    /// <summary>Whether a caller may choose by header (x-noslate-target, x-noslated-dispatch). Default true; false in FunctionCompute, where anyone could call any function.</summary>
    public bool ByHeader { get; set; } = true;

    /// <summary>Whether a caller may choose by the path /invoke/NAME. Default true; false in FunctionCompute.</summary>
    public bool ByPath { get; set; } = true;

    /// <summary>The names that a caller may choose by header or path. Default null: all. Configured routes and the default are not bound by it.</summary>
    public IReadOnlyList<string>? Allow { get; set; }

    /// <summary>The route table, tried in order; the first that matches wins. Default empty.</summary>
    public IReadOnlyList<RouteRule> Routes { get; set; } = [];

    /// <summary>Where everything else goes. Default none: 404.</summary>
    public RouteTarget? Default { get; set; }
}
