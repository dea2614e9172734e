using Orleans;

namespace NoslateFleet.Grains.Placement;

/// <summary>
/// The instance that a grain belongs to has no silo that can be reached from here: it has left, or instances of its topology can't reach
/// each other. Nothing was done. What the fleet directory knows of it can still be read.
/// </summary>
[GenerateSerializer]
[Alias("noslatefleet.instance-unreachable")]
public sealed class InstanceUnreachableException : Exception
{
    /// <summary>Without a message.</summary>
    public InstanceUnreachableException()
    {
    }

    /// <summary>With which instance and from where.</summary>
    /// <param name="message">Which instance and from where.</param>
    public InstanceUnreachableException(string message)
        : base(message)
    {
    }

    /// <summary>With which instance, from where, and why.</summary>
    /// <param name="message">Which instance and from where.</param>
    /// <param name="innerException">Why.</param>
    public InstanceUnreachableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
