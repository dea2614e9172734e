namespace NoslateFleet.Noslate.Invocation;

/// <summary>Why an invocation failed, as told by the data plane or seen by the client. One member per case.</summary>
public enum InvocationFailure
{
    /// <summary>No function of that name is registered on the node.</summary>
    UnknownFunction,

    /// <summary>No service of that name is registered on the node.</summary>
    UnknownService,

    /// <summary>The function's token bucket is empty.</summary>
    RateLimited,

    /// <summary>The data plane's circuit breaker is open: it refuses every call.</summary>
    BreakerOpen,

    /// <summary>The deadline passed while the request waited for a worker.</summary>
    QueueTimeout,

    /// <summary>The deadline passed while the function ran and had not answered, as the data plane tells.</summary>
    ExecutionTimeout,

    /// <summary>The deadline passed and the data plane had not told anything by then, or the call's own gRPC deadline ended it.</summary>
    DeadlineExceeded,

    /// <summary>The function threw, rejected, or has no usable handler.</summary>
    FunctionError,

    /// <summary>The worker process ended while it held the request.</summary>
    WorkerExited,

    /// <summary>The function broke its response off after the head.</summary>
    ResponseReset,

    /// <summary>No worker was there and the function's queue is disabled.</summary>
    NoWorker,

    /// <summary>The function's replica limit is reached and it fails fast.</summary>
    ReplicaLimit,

    /// <summary>The node has no memory left for another worker.</summary>
    NoMemory,

    /// <summary>The function's code could not be had.</summary>
    CodeUnavailable,

    /// <summary>The function's profile names a runtime that the node does not know.</summary>
    InvalidRuntime,

    /// <summary>The worker ended while its initializer ran.</summary>
    InitializerFailed,

    /// <summary>The initializer did not end in time.</summary>
    InitializerTimeout,

    /// <summary>Another failure inside the worker or on the way to it, told by the data plane with a worker's error code.</summary>
    WorkerError,

    /// <summary>No data plane is connected, or the connection could not be made: nothing was sent.</summary>
    PlaneUnavailable,

    /// <summary>The data plane is being stopped: it ended a call that we had not cancelled.</summary>
    PlaneStopped,

    /// <summary>The connection to the data plane was lost during the call.</summary>
    PlaneLost,

    /// <summary>The data plane's session is full (its status 8, resource exhausted).</summary>
    SessionFull,

    /// <summary>The request had a message larger than the data plane takes.</summary>
    RequestTooLarge,

    /// <summary>The function wrote more at once than the data plane can pass on.</summary>
    ResponseTooLarge,

    /// <summary>The data plane's answer does not follow the protocol.</summary>
    InvalidResponse,

    /// <summary>Any other error of the data plane.</summary>
    PlaneError,

    /// <summary>Reading the request body from the caller failed; the inner exception tells how.</summary>
    RequestBodyFailed,

    /// <summary>
    /// The node did not know the function or service, which is among the wanted profiles, and had only just connected: it surely gets them
    /// in a moment. It was tried again as long as the deadline, or the request's body, allowed.
    /// </summary>
    Resyncing,
}
