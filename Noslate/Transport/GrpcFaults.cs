using System.Net.Http;
using System.Net.Sockets;

namespace NoslateFleet.Noslate.Transport;

/// <summary>Reads what System.Net.Http throws as a gRPC client would report it.</summary>
internal static class GrpcFaults
{
    /// <summary>Maps an exception of a send or a read.</summary>
    /// <param name="exception">What was thrown; a cancellation of our own must have been sorted out before.</param>
    /// <param name="sent">True when request bytes were handed to the connection.</param>
    public static GrpcFault Map(Exception exception, bool sent)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case GrpcException grpc:
                    return new GrpcFault(grpc.Status, grpc.NeverSent);
                case HttpProtocolException protocol:
                    return OfErrorCode(protocol.ErrorCode, protocol.Message, sent);
                case SocketException socket:
                    return Unavailable(socket.Message, sent);
                case HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } invalid:
                    return GrpcFault.Broken(OneLine(invalid.Message));
                case HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError, InnerException: null } connect:
                    return Unavailable(connect.Message, sent: false);
            }
        }

        return exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError }
            ? Unavailable(exception.Message, sent: false)
            : Unavailable(exception.Message, sent);
    }

    /// <summary>The table "Errors" of gRPC's HTTP/2 mapping: HTTP/2 error codes to statuses.</summary>
    public static GrpcStatusCode StatusOf(long errorCode) => errorCode switch
    {
        7 => GrpcStatusCode.Unavailable, // REFUSED_STREAM: surely not processed
        8 => GrpcStatusCode.Cancelled, // CANCEL
        11 => GrpcStatusCode.ResourceExhausted, // ENHANCE_YOUR_CALM
        12 => GrpcStatusCode.PermissionDenied, // INADEQUATE_SECURITY
        13 => GrpcStatusCode.Unknown, // HTTP_1_1_REQUIRED
        _ => GrpcStatusCode.Internal,
    };

    private static GrpcFault OfErrorCode(long errorCode, string message, bool sent) =>
        new(new GrpcStatus(StatusOf(errorCode), OneLine(message)), NeverSent: !sent || errorCode == 7);

    private static GrpcFault Unavailable(string message, bool sent) =>
        new(new GrpcStatus(GrpcStatusCode.Unavailable, OneLine(message)), NeverSent: !sent);

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
