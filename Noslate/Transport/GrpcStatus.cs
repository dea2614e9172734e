namespace NoslateFleet.Noslate.Transport;

/// <summary>The gRPC status codes, with gRPC's own numbers (https://grpc.io/docs/guides/status-codes/).</summary>
public enum GrpcStatusCode
{
    /// <summary>Success.</summary>
    Ok = 0,

    /// <summary>Cancelled: by us, or, when we did not, by a plane that is being stopped.</summary>
    Cancelled = 1,

    /// <summary>Unknown error.</summary>
    Unknown = 2,

    /// <summary>Invalid argument.</summary>
    InvalidArgument = 3,

    /// <summary>The deadline passed.</summary>
    DeadlineExceeded = 4,

    /// <summary>Not found.</summary>
    NotFound = 5,

    /// <summary>Already exists.</summary>
    AlreadyExists = 6,

    /// <summary>Permission denied.</summary>
    PermissionDenied = 7,

    /// <summary>A limit was reached: message size, session memory.</summary>
    ResourceExhausted = 8,

    /// <summary>Failed precondition.</summary>
    FailedPrecondition = 9,

    /// <summary>Aborted.</summary>
    Aborted = 10,

    /// <summary>Out of range.</summary>
    OutOfRange = 11,

    /// <summary>No such method.</summary>
    Unimplemented = 12,

    /// <summary>Internal error, garbage included.</summary>
    Internal = 13,

    /// <summary>Not reachable, or the connection was lost.</summary>
    Unavailable = 14,

    /// <summary>Data loss.</summary>
    DataLoss = 15,

    /// <summary>Not authenticated.</summary>
    Unauthenticated = 16,
}

/// <summary>How a gRPC call ended.</summary>
/// <param name="Code">The code.</param>
/// <param name="Message">The message, percent-decoded; may be empty.</param>
public readonly record struct GrpcStatus(GrpcStatusCode Code, string Message);
