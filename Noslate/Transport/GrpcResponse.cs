using System.Globalization;
using System.Net.Http;
using System.Net.Http.Headers;

namespace NoslateFleet.Noslate.Transport;

/// <summary>Reads the gRPC parts of an HTTP response: whether it is one at all, and how it ended.</summary>
internal static class GrpcResponse
{
    /// <summary>Looks at the HTTP head. Null when a gRPC body may follow.</summary>
    public static GrpcFault? CheckHead(HttpResponseMessage response)
    {
        int http = (int)response.StatusCode;
        if (http != 200)
        {
            return GrpcFault.Broken($"the plane answered HTTP {http} instead of 200", StatusOfHttp(http));
        }

        string type = response.Content.Headers.NonValidated.TryGetValues("Content-Type", out HeaderStringValues values) ? values.ToString() : "";
        if (!IsGrpc(type))
        {
            return GrpcFault.Broken(
                $"the plane answered with content-type '{type}' instead of application/grpc", GrpcStatusCode.Unknown);
        }

        // Trailers-only: the status stands in the head, and no message follows.
        return ReadStatus(response.Headers) is { Code: not GrpcStatusCode.Ok } status ? new GrpcFault(status) : null;
    }

    /// <summary>How the call ended, once its body has been read to the end. Null when the plane did not say.</summary>
    public static GrpcStatus? ReadEnd(HttpResponseMessage response) => ReadStatus(response.TrailingHeaders) ?? ReadStatus(response.Headers);

    /// <summary>gRPC's table "HTTP to gRPC Status Code Mapping".</summary>
    public static GrpcStatusCode StatusOfHttp(int http) => http switch
    {
        400 => GrpcStatusCode.Internal,
        401 => GrpcStatusCode.Unauthenticated,
        403 => GrpcStatusCode.PermissionDenied,
        404 => GrpcStatusCode.Unimplemented,
        429 or 502 or 503 or 504 => GrpcStatusCode.Unavailable,
        _ => GrpcStatusCode.Unknown,
    };

    private static bool IsGrpc(string type) =>
        type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase)
        && (type.Length == 16 || type[16] is '+' or ';' or ' ');

    private static GrpcStatus? ReadStatus(HttpResponseHeaders headers)
    {
        if (!headers.NonValidated.TryGetValues("grpc-status", out HeaderStringValues statusValues))
        {
            return null;
        }

        string text = statusValues.ToString();
        if (text == "0")
        {
            return new GrpcStatus(GrpcStatusCode.Ok, "");
        }

        string message = headers.NonValidated.TryGetValues("grpc-message", out HeaderStringValues messageValues)
            ? GrpcPercent.Decode(messageValues.ToString())
            : "";
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int code) && code <= 16
            ? new GrpcStatus((GrpcStatusCode)code, message)
            : new GrpcStatus(GrpcStatusCode.Unknown, $"the plane sent the unknown grpc-status '{text}' {message}".TrimEnd());
    }
}
