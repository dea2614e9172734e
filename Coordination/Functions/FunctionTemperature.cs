namespace NoslateFleet.Coordination.Functions;

/// <summary>How soon a function on an instance could take a request.</summary>
public enum FunctionTemperature
{
    /// <summary>No worker is ready, and none is known to be starting.</summary>
    Cold,

    /// <summary>Some worker is being started, and none is ready.</summary>
    Warming,

    /// <summary>A ready worker has room.</summary>
    Warm,

    /// <summary>There are ready workers, and none has room.</summary>
    Saturated,
}
