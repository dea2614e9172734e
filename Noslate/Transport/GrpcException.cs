namespace NoslateFleet.Noslate.Transport;

/// <summary>A gRPC call ended with a status that is not OK.</summary>
public sealed class GrpcException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="status">How the call ended.</param>
    /// <param name="neverSent">True when the request surely did not reach the plane.</param>
    /// <param name="innerException">What lies under it, if known.</param>
    public GrpcException(GrpcStatus status, bool neverSent = false, Exception? innerException = null)
        : base($"{status.Code}: {status.Message}", innerException)
    {
        Status = status;
        NeverSent = neverSent;
    }

    /// <summary>How the call ended.</summary>
    public GrpcStatus Status { get; }

    /// <summary>True when the request surely did not reach the plane.</summary>
    public bool NeverSent { get; }
}
