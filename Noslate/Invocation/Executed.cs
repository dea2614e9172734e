namespace NoslateFleet.Noslate.Invocation;

/// <summary>Whether the function's code ran for an invocation; tells a caller if a retry is safe.</summary>
public enum Executed
{
    /// <summary>It surely did not reach a worker: a retry is safe.</summary>
    Never,

    /// <summary>It may have run, in whole or in part.</summary>
    Maybe,

    /// <summary>It ran, in whole or in part.</summary>
    Yes,
}
