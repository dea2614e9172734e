namespace NoslateFleet.Noslate.Invocation;

/// <summary>How an invocation failed.</summary>
/// <param name="Failure">The case.</param>
/// <param name="Executed">Whether the function's code ran.</param>
/// <param name="AfterHead">True when the response head had been received: nothing can be repaired then.</param>
/// <param name="Message">The data plane's or the client's message: one line, for logs; it may name internals.</param>
/// <param name="Detail">Stack traces and peer messages, for logs only: never to be shown to a caller. Null if none.</param>
public sealed record InvocationError(
    InvocationFailure Failure,
    Executed Executed,
    bool AfterHead,
    string Message,
    string? Detail = null);
