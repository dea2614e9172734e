namespace NoslateFleet.Coordination.Functions;

/// <summary>What the board knows of one function. Guarded by the board's lock.</summary>
/// <param name="name">Its name.</param>
internal sealed class BoardFunction(string name)
{
    public readonly string Name = name;
    public readonly Dictionary<string, BoardWorker> Workers = new(StringComparer.Ordinal);
    public int? MaxActiveRequests;

    /// <summary>Its temperature; null: can't be told.</summary>
    public FunctionTemperature? Temperature;

    /// <summary>The temperature that listeners know of.</summary>
    public FunctionTemperature LastTold = FunctionTemperature.Cold;
    public DateTimeOffset? AsOf;

    /// <summary>
    /// Whether there may be workers of which nothing was told: no picture was taken in yet, or none since it all fell into doubt.
    /// </summary>
    public bool Doubtful;

    /// <summary>Our own invocations in flight when the node was last asked for a picture.</summary>
    public int OursAtMark;

    /// <summary>Requests that workers held at the last picture beyond our own of this name: by services, say.</summary>
    public int Others;

    /// <summary>The mark of the last event that a request had to wait; 0: none since it was told otherwise.</summary>
    public long QueuedAt;
}
