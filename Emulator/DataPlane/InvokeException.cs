using NoslateFleet.Noslate.Protocol.Data;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>An invocation error in a real node's own words. A code is a gRPC status, or, under NoslatedError, a code of its own.</summary>
internal sealed class InvokeException : Exception
{
    private const string NoslatedError = "NoslatedError";

    private InvokeException(string name, int code, string message, string operation = "", string peerStack = "") : base(message)
    {
        Name = name;
        Code = code;
        Operation = operation;
        PeerStack = peerStack;
    }

    public string Name { get; }

    public int Code { get; }

    public string Operation { get; }

    public string PeerStack { get; }

    public static InvokeException UnknownFunction(string name) => new("Error", 5, $"No function named {name} registered in this node.");

    public static InvokeException UnknownService() => new("Error", 5, "Service not found.");

    public static InvokeException RateLimited() => new("Error", 8, "rate limit exceeded");

    public static InvokeException BreakerOpen() => new("Error", 9, "System circuit breaker opened.");

    public static InvokeException QueueTimeout(string deadline, string requestId) =>
        new("Error", 4, $"Waiting for worker has timed out at {deadline}, request({requestId}).");

    public static InvokeException QueueDisabled(string name) => new("Error", 0, $"No available worker process for {name} now.");

    public static InvokeException StartFailed(string message) => new("Error", 0, message);

    public static InvokeException Timeout() => Trigger(2, "TIMEOUT", "Request Timeout");

    public static InvokeException WorkerFailed(string message, string stack) => Trigger(1, "INTERNAL_ERROR", message, stack);

    public static InvokeException SessionClosed() => Trigger(4, "CONNECTION_RESET", "Session closed");

    public static InvokeException PeerReset() => new("Error", 0, "peer reset stream");

    public static InvokeException PeerClosed() => new("PEER_CONNECTION_CLOSED", 0, "Peer connection closed");

    public InvokeResponse ToResponse() => new()
    {
        Error = new InvokeErrorResponse
        {
            Name = Name,
            Message = Message,
            Code = Code,
            Operation = Operation,
            PeerStack = PeerStack,

            // A real node always sends a stack; ours tells nothing but is there to be kept in.
            Stack = $"{Name}: {Message}\n    at dataPlane (emulator)",
        },
    };

    private static InvokeException Trigger(int code, string canonical, string message, string peerStack = "") =>
        new(NoslatedError, code, $"Noslated request failed: CanonicalCode::{canonical} request kind(Trigger), {message}", "Trigger", peerStack);
}
