using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Emulator.Node;

/// <summary>What goes wrong with a call to a plane. Made by the members of this class; a call has at most one.</summary>
public sealed class CallFault
{
    private CallFault(CallFaultKind kind) => Kind = kind;

    /// <summary>The plane takes the call and never answers; nothing is run.</summary>
    public static CallFault Silence { get; } = new(CallFaultKind.Silence);

    /// <summary>The plane answers with a message that is no protobuf, and ends the call well; nothing is run.</summary>
    public static CallFault Garbage { get; } = new(CallFaultKind.Garbage);

    internal CallFaultKind Kind { get; }

    internal TimeSpan Time { get; private init; }

    internal long Bytes { get; private init; }

    internal GrpcStatusCode Code { get; private init; }

    internal string Message { get; private init; } = "";

    /// <summary>The plane works as ever, but its first answer leaves later.</summary>
    /// <param name="time">How much later, by the node's clock.</param>
    /// <returns>The fault.</returns>
    public static CallFault Delay(TimeSpan time) => new(CallFaultKind.Delay) { Time = time };

    /// <summary>The stream is reset (INTERNAL_ERROR) once this many bytes of messages, prefixes included, have been answered.</summary>
    /// <param name="bytes">How many: the message that reaches the number is the last, and may be lost with the stream.</param>
    /// <returns>The fault.</returns>
    public static CallFault CutAfter(long bytes) => new(CallFaultKind.Cut) { Bytes = bytes };

    /// <summary>The plane ends the call with a gRPC status; nothing is run.</summary>
    /// <param name="code">The status' number: 8 is what a full session gives.</param>
    /// <param name="message">Its message.</param>
    /// <returns>The fault.</returns>
    public static CallFault Refuse(int code, string message) => new(CallFaultKind.Refuse) { Code = (GrpcStatusCode)code, Message = message };
}
