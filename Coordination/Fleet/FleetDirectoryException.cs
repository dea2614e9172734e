namespace NoslateFleet.Coordination.Fleet;

/// <summary>The fleet directory can't be reached, or does not work. Invocations are not affected.</summary>
public sealed class FleetDirectoryException : Exception
{
    /// <summary>Without a message.</summary>
    public FleetDirectoryException()
    {
    }

    /// <summary>With what went wrong.</summary>
    /// <param name="message">What went wrong.</param>
    public FleetDirectoryException(string message)
        : base(message)
    {
    }

    /// <summary>With what went wrong and why.</summary>
    /// <param name="message">What went wrong.</param>
    /// <param name="innerException">Why.</param>
    public FleetDirectoryException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
