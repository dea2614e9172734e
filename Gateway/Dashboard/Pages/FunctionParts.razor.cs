namespace NoslateFleet.Gateway.Dashboard.Pages;

/// <summary>The page of a function.</summary>
public sealed partial class FunctionParts;
