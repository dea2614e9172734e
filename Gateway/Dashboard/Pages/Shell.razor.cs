namespace NoslateFleet.Gateway.Dashboard.Pages;

/// <summary>The frame of every page.</summary>
public sealed partial class Shell;
