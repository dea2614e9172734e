namespace NoslateFleet.Noslate.Profiles;

/// <summary>A functions file, or profiles given in another way, cannot be used. Tells everything that is wrong at once.</summary>
public sealed class ProfileValidationException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="errors">What is wrong, one line each; at least one.</param>
    public ProfileValidationException(IReadOnlyList<string> errors)
        : base(Say(errors)) => Errors = errors;

    /// <summary>
    /// What is wrong: each names the function or service (by index and name), the field, its value and what would be right.
    /// Values of environment variables are never shown. At most 501 lines: after 500 the last tells how many more there are.
    /// </summary>
    public IReadOnlyList<string> Errors { get; }

    private static string Say(IReadOnlyList<string> errors) =>
        errors.Count == 1 ? errors[0] : $"{errors.Count} errors:\n- {string.Join("\n- ", errors)}";
}
