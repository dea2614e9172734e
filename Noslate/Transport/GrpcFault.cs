namespace NoslateFleet.Noslate.Transport;

/// <summary>A call that ended badly.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="NeverSent">The request surely did not reach the plane's handler.</param>
/// <param name="Malformed">The answer does not follow gRPC; the status is our reading of it.</param>
internal readonly record struct GrpcFault(GrpcStatus Status, bool NeverSent = false, bool Malformed = false)
{
    public static GrpcFault Broken(string message, GrpcStatusCode code = GrpcStatusCode.Internal) =>
        new(new GrpcStatus(code, message), Malformed: true);

    public GrpcException ToException(Exception? inner = null) => new(Status, NeverSent, inner);
}
