using Google.Protobuf;

namespace NoslateFleet.Noslate.Transport;

/// <summary>Makes single-message calls to one plane.</summary>
internal interface IUnaryCaller
{
    /// <summary>The plane's name, as its socket: <c>dp-0</c>, <c>cp-0</c>.</summary>
    string Name { get; }

    /// <summary>Sends one message and waits for the answer.</summary>
    /// <param name="path">The method's path, e.g. <c>/noslated.control.ControlPlane/checkHealth</c>; case matters.</param>
    /// <param name="request">The message.</param>
    /// <param name="parser">Parses the answer.</param>
    /// <param name="timeout">Sent as grpc-timeout and kept by the client as well.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <exception cref="GrpcException">The status was not OK, the plane could not be reached, or the time ran out.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    Task<TResponse> CallAsync<TResponse>(
        string path, IMessage request, MessageParser<TResponse> parser, TimeSpan timeout, CancellationToken cancellationToken)
        where TResponse : class, IMessage<TResponse>;
}
