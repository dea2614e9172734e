namespace NoslateFleet.Gateway.Dashboard.Pages;

/// <summary>The page of the fleet's profiles.</summary>
public sealed partial class ProfileParts;
