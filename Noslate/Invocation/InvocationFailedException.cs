namespace NoslateFleet.Noslate.Invocation;

/// <summary>An invocation failed; <see cref="Error"/> tells how.</summary>
public sealed class InvocationFailedException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="error">How the invocation failed.</param>
    /// <param name="innerException">What lies under it, if known.</param>
    public InvocationFailedException(InvocationError error, Exception? innerException = null)
        : base(error.Message, innerException) => Error = error;

    /// <summary>How the invocation failed.</summary>
    public InvocationError Error { get; }
}
