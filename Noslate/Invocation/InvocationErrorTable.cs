using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Invocation;

/// <summary>
/// The one place where the data plane's errors and statuses are read. The rows were measured against noslated 0.25; texts are
/// matched by a part of them, since they carry names and numbers. What is in no row is PlaneError or WorkerError, Maybe.
/// </summary>
internal static class InvocationErrorTable
{
    private const string NoslatedError = "NoslatedError";
    private const string ConnectionClosed = "PEER_CONNECTION_CLOSED";

    // `code` is two enumerations. With the name NoslatedError it is Noslate's CanonicalCode, and tells of a request that a worker was given.
    private static readonly Dictionary<int, (InvocationFailure Failure, Executed Executed)> CanonicalCodes = new()
    {
        [1] = (InvocationFailure.FunctionError, Executed.Yes),
        [2] = (InvocationFailure.ExecutionTimeout, Executed.Maybe),
        [4] = (InvocationFailure.WorkerExited, Executed.Maybe),
    };

    // With any other name it is a gRPC status, or 0 for an Error that bore none.
    private static readonly TextRow[] Texts =
    [
        new(5, "No function named", InvocationFailure.UnknownFunction, Executed.Never),
        new(5, "Service not found", InvocationFailure.UnknownService, Executed.Never),
        new(8, "rate limit exceeded", InvocationFailure.RateLimited, Executed.Never),
        new(9, "System circuit breaker", InvocationFailure.BreakerOpen, Executed.Never),
        new(4, "Waiting for worker has timed out", InvocationFailure.QueueTimeout, Executed.Never),
        new(0, "No available worker process", InvocationFailure.NoWorker, Executed.Never),
        new(0, "Replica count exceeded limit", InvocationFailure.ReplicaLimit, Executed.Never),
        new(0, "No enough virtual memory", InvocationFailure.NoMemory, Executed.Never),
        new(0, "Failed to ensure (or download) code", InvocationFailure.CodeUnavailable, Executed.Never),
        new(0, "Invalid runtime", InvocationFailure.InvalidRuntime, Executed.Never),
        new(0, "Internal error", InvocationFailure.InitializerTimeout, Executed.Never, "initialization timeout"),
        new(0, "Internal error", InvocationFailure.InitializerFailed, Executed.Never, "stopped unexpected after start"),
        new(0, "peer reset stream", InvocationFailure.ResponseReset, Executed.Maybe),
        new(0, "Peer connection closed", InvocationFailure.WorkerExited, Executed.Maybe),
        new(4, "", InvocationFailure.DeadlineExceeded, Executed.Maybe),
    ];

    /// <summary>Reads an error message of the data plane.</summary>
    public static InvocationError OfMessage(InvokeErrorResponse error, bool afterHead)
    {
        (InvocationFailure failure, Executed executed) = Classify(error);
        string message = error.Message.Length > 0 ? OneLine(error.Message) : $"the data plane told an error without a message (name '{error.Name}', code {error.Code})";
        return new InvocationError(failure, afterHead ? Executed.Yes : executed, afterHead, message, Detail(error));
    }

    /// <summary>Reads the end of a call that bore no error message.</summary>
    public static InvocationError OfFault(GrpcFault fault, bool afterHead)
    {
        (InvocationFailure failure, Executed executed) = Classify(fault);
        string message = fault.Status.Message.Length > 0 ? OneLine(fault.Status.Message) : $"the data plane ended the call with status {(int)fault.Status.Code}";
        return new InvocationError(failure, afterHead ? Executed.Yes : executed, afterHead, message);
    }

    private static (InvocationFailure Failure, Executed Executed) Classify(InvokeErrorResponse error)
    {
        if (error.Name == NoslatedError)
        {
            // Another operation than Trigger (the worker's initializer, say) has not called the handler, so those codes tell less.
            bool trigger = error.Operation is "" or "Trigger" || error.Message.Contains("kind(Trigger)", StringComparison.Ordinal);
            return trigger && CanonicalCodes.TryGetValue(error.Code, out var row) ? row : (InvocationFailure.WorkerError, Executed.Maybe);
        }

        if (error.Name == ConnectionClosed)
        {
            return (InvocationFailure.WorkerExited, Executed.Maybe);
        }

        foreach (TextRow row in Texts)
        {
            if (row.Matches(error))
            {
                return (row.Failure, row.Executed);
            }
        }

        return (InvocationFailure.PlaneError, Executed.Maybe);
    }

    private static (InvocationFailure Failure, Executed Executed) Classify(GrpcFault fault) => fault switch
    {
        { NeverSent: true } => (InvocationFailure.PlaneUnavailable, Executed.Never),
        { Malformed: true } => (InvocationFailure.InvalidResponse, Executed.Maybe),
        { Status.Code: GrpcStatusCode.Ok } => (InvocationFailure.InvalidResponse, Executed.Maybe),

        // A call that we cancelled never gets here: this is a plane that is going down.
        { Status.Code: GrpcStatusCode.Cancelled } => (InvocationFailure.PlaneStopped, Executed.Maybe),
        { Status.Code: GrpcStatusCode.DeadlineExceeded } => (InvocationFailure.DeadlineExceeded, Executed.Maybe),
        { Status: { Code: GrpcStatusCode.ResourceExhausted } status } =>
            Contains(status.Message, "Received message larger") ? (InvocationFailure.RequestTooLarge, Executed.Never)
            : Contains(status.Message, "Sent message larger") ? (InvocationFailure.ResponseTooLarge, Executed.Yes)
            : (InvocationFailure.SessionFull, Executed.Maybe),
        { Status.Code: GrpcStatusCode.Unavailable } => (InvocationFailure.PlaneLost, Executed.Maybe),
        _ => (InvocationFailure.PlaneError, Executed.Maybe),
    };

    private static string? Detail(InvokeErrorResponse error)
    {
        string detail = string.Join('\n', new[] { error.PeerMessage, error.Stack, error.PeerStack }.Where(text => text.Length > 0));
        return detail.Length > 0 ? detail : null;
    }

    private static bool Contains(string text, string part) => text.Contains(part, StringComparison.OrdinalIgnoreCase);

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private sealed record TextRow(int Code, string Prefix, InvocationFailure Failure, Executed Executed, string Part = "")
    {
        public bool Matches(InvokeErrorResponse error) =>
            error.Code == Code && error.Message.TrimStart().StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && Contains(error.Message, Part);
    }
}
