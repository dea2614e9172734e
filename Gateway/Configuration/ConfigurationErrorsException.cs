namespace NoslateFleet.Gateway.Configuration;

/// <summary>The configuration can't be used. All that is wrong with it is told at once.</summary>
/// <param name="errors">One line per error: the key, the value, and what would be right.</param>
public sealed class ConfigurationErrorsException(IReadOnlyList<string> errors)
    : Exception("The configuration has errors:\n" + string.Join('\n', errors))
{
    /// <summary>One line per error.</summary>
    public IReadOnlyList<string> Errors { get; } = errors;
}
