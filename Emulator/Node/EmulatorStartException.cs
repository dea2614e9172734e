namespace NoslateFleet.Emulator.Node;

/// <summary>The emulator can't start; the message says in one line why and what would help.</summary>
/// <param name="message">The one line.</param>
/// <param name="nodeMissing">Whether it is the <c>node</c> program that is missing or too old.</param>
public sealed class EmulatorStartException(string message, bool nodeMissing = false) : Exception(message)
{
    /// <summary>Whether it is the <c>node</c> program that is missing or too old.</summary>
    public bool NodeMissing { get; } = nodeMissing;
}
