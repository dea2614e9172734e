using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace NoslateFleet.Gateway.Forwarding;

/// <summary>
/// Reads from the exception that ended the request body whether the client has left. The server tells it by this exception first, and
/// cancels the request only later, from another thread.
/// </summary>
internal static class ClientGone
{
    /// <summary>Whether the client has left.</summary>
    /// <param name="error">What reading the request body threw; null if it did not.</param>
    /// <param name="http1">Whether the request came over HTTP/1.</param>
    public static bool IsToldBy(Exception? error, bool http1) => error switch
    {
        BadHttpRequestException bad => IsEarlyEnd(bad),
        ConnectionResetException or ConnectionAbortedException or OperationCanceledException => true,

        // Over HTTP/2 a stream that the client resets. Over HTTP/1 it is what Kestrel throws for a chunk size that overflows.
        IOException => !http1,
        _ => false,
    };

    // A client that closes in the middle of its upload. Nothing but the text tells it from a malformed body.
    private static bool IsEarlyEnd(BadHttpRequestException error) =>
        error.StatusCode == StatusCodes.Status400BadRequest
        && error.Message.StartsWith("Unexpected end of request content", StringComparison.Ordinal);
}
