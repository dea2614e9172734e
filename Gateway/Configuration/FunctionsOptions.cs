namespace NoslateFleet.Gateway.Configuration;

/// <summary>Where the function and service profiles come from.</summary>
public sealed class FunctionsOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Functions";

    /// <summary>The profile file. Default: functions.json in the working directory if it exists; else none, and the node keeps the profiles it has.</summary>
    public string? Path { get; set; }
}
