namespace NoslateFleet.Gateway.Dashboard.Pages;

/// <summary>Sign-in, confirmation and plain notices.</summary>
public sealed partial class FormParts;
