namespace NoslateFleet.Gateway.Dashboard.Pages;

/// <summary>The page of an instance.</summary>
public sealed partial class InstanceParts;
