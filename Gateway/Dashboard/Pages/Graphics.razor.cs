namespace NoslateFleet.Gateway.Dashboard.Pages;

/// <summary>Glyphs and small diagrams: what a colour means is told by shape and text as well.</summary>
public sealed partial class Graphics;
