namespace NoslateFleet.Gateway.Dashboard.Pages;

/// <summary>The fleet's page.</summary>
public sealed partial class FleetParts;
