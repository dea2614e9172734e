using NoslateFleet.Coordination.Admission;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Problems;

/// <summary>Every error of ours, in one table. docs/errors.md shows the same table; a test compares them.</summary>
internal static class ProblemTable
{
    private const string Gateway = "gateway";
    private const string DataPlane = "data-plane";
    private const string Worker = "worker";
    private const string Coordinator = "coordinator";

    public static readonly Problem NoRoute = new(404, Gateway, "no-route", Executed.Never,
        "Nothing tells which function this request is for: name one in the header x-noslate-target (function|NAME or service|NAME) or in the path /invoke/NAME, where these are switched on, or configure a route or a default.");

    public static readonly Problem BadTarget = new(400, Gateway, "bad-target", Executed.Never,
        "The header that names the function is not understood: send x-noslate-target once, as function|NAME or service|NAME.");

    public static readonly Problem BadTimeout = new(400, Gateway, "bad-timeout", Executed.Never,
        "x-noslate-timeout-ms must be sent once, as a whole number of milliseconds above 0.");

    public static readonly Problem BadRequest = new(400, Gateway, "bad-request", Executed.Maybe,
        "The request body can't be read as HTTP.");

    public static readonly Problem AmbiguousRequest = new(400, Gateway, "ambiguous-request", Executed.Never,
        "Two readers could understand the request differently: both Content-Length and Transfer-Encoding, a Transfer-Encoding that is not chunked once, a control character in a header or in the target, or a header name that is none.");

    public static readonly Problem MethodNotAllowed = new(405, Gateway, "method-not-allowed", Executed.Never,
        "CONNECT and TRACE are not forwarded.");

    public static readonly Problem UpgradeNotSupported = new(501, Gateway, "upgrade-not-supported", Executed.Never,
        "Protocol upgrades, WebSocket among them, are not forwarded.");

    public static readonly Problem CodingNotSupported = new(501, Gateway, "coding-not-supported", Executed.Never,
        "The request body is in a transfer coding other than chunked.");

    public static readonly Problem BodyTooLarge = new(413, Gateway, "body-too-large", Executed.Never,
        "The request body is larger than the configured limit.");

    public static readonly Problem BodyTooLargeMidway = BodyTooLarge with { Executed = Executed.Maybe };

    public static readonly Problem RequestTimeout = new(408, Gateway, "request-timeout", Executed.Maybe,
        "The request body arrived too slowly.");

    public static readonly Problem BadResponse = new(502, Worker, "bad-response", Executed.Yes,
        "The function's response head can't be carried by HTTP.");

    public static readonly Problem Internal = new(500, Gateway, "internal", Executed.Maybe,
        "The gateway failed; its log tells how, under this request id.");

    public static readonly Problem Starting = new(503, Gateway, "starting", Executed.Never,
        "The instance is not initialised yet.", 1);

    public static readonly Problem Draining = new(503, Coordinator, "draining", Executed.Never,
        "The instance is leaving; another one will serve the request.", 1);

    public static readonly Problem QueueFull = new(503, Coordinator, "queue-full", Executed.Never,
        "The instance serves as many requests as it may, and as many wait as may.");

    public static readonly Problem DeadlineUnreachable = new(503, Coordinator, "deadline-unreachable", Executed.Never,
        "The request's deadline would pass before its turn comes.");

    public static readonly Problem NotInitialised = new(404, Gateway, "not-initialised", Executed.Never,
        "The instance could not be initialised in time.");

    public static readonly Problem HookFailed = new(404, Gateway, "hook-failed", Executed.Never,
        "The hook failed.");

    public static readonly Problem Unauthorized = new(401, Gateway, "unauthorized", Executed.Never,
        "This needs a token of the admin port: Authorization: Bearer TOKEN.");

    public static readonly Problem Forbidden = new(403, Gateway, "forbidden", Executed.Never,
        "The token may only look: this needs one with the role operate.");

    public static readonly Problem TooManyFailures = new(429, Gateway, "too-many-failures", Executed.Never,
        "Too many wrong tokens came from this address.", 6);

    public static readonly Problem TooManyListeners = new(503, Gateway, "too-many-listeners", Executed.Never,
        "As many streams of changes are open as may be (Admin:MaxListeners).", 15);

    public static readonly Problem NotFound = new(404, Gateway, "not-found", Executed.Never,
        "The admin port has nothing there; /api/openapi.json lists what it has.");

    public static readonly Problem WrongMethod = new(405, Gateway, "wrong-method", Executed.Never,
        "This is asked by another method; the header Allow tells which.");

    public static readonly Problem UnsupportedEncoding = new(415, Gateway, "unsupported-encoding", Executed.Never,
        "The body is compressed: send it as it is, without Content-Encoding.");

    public static readonly Problem NoToken = new(404, Gateway, "no-token", Executed.Never,
        "This is not served here without a configured token (Admin:Token or Admin:Tokens).");

    public static readonly Problem ForeignOrigin = new(403, Gateway, "foreign-origin", Executed.Never,
        "A page of another site asks for this; or, without a token, loopback was asked by a name that is not localhost.");

    public static readonly Problem BadArgument = new(400, Gateway, "bad-argument", Executed.Never,
        "A parameter, header or body of the request is not what is wanted.");

    public static readonly Problem UnknownInstance = new(404, Gateway, "unknown-instance", Executed.Never,
        "The fleet directory has no instance of that id.");

    public static readonly Problem UnknownVersion = new(404, Gateway, "unknown-version", Executed.Never,
        "The fleet directory has no such version of the profiles any more.");

    public static readonly Problem VersionConflict = new(409, Gateway, "version-conflict", Executed.Never,
        "The fleet's profiles are of another version than the one expected: read them again.");

    public static readonly Problem ProfilesInvalid = new(422, Gateway, "profiles-invalid", Executed.Never,
        "The profiles can't be used, and were not stored.");

    public static readonly Problem DirectoryUnavailable = new(503, Gateway, "directory-unavailable", Executed.Never,
        "The fleet directory can't be reached. Invocations are not touched by that.", 5);

    /// <summary>A client that left gets no answer; the log shows this status.</summary>
    public const int ClientClosedRequest = 499;

    private static readonly Problem[] _byFailure = BuildByFailure();

    /// <summary>The problems that the gateway makes without the node.</summary>
    public static IReadOnlyList<Problem> Own { get; } =
    [
        NoRoute, BadTarget, BadTimeout, BadRequest, AmbiguousRequest, MethodNotAllowed, UpgradeNotSupported, CodingNotSupported, BodyTooLarge, RequestTimeout,
        BadResponse, Internal, Starting, Draining, QueueFull, DeadlineUnreachable, NotInitialised, HookFailed, Unauthorized, Forbidden, TooManyFailures, TooManyListeners, NoToken, ForeignOrigin,
        NotFound, WrongMethod, UnsupportedEncoding,
        BadArgument, UnknownInstance, UnknownVersion, VersionConflict, ProfilesInvalid, DirectoryUnavailable,
    ];

    /// <summary>The problem for a refused admission.</summary>
    public static Problem For(RefusalReason reason) => reason switch
    {
        RefusalReason.Draining or RefusalReason.Stopped => Draining,
        RefusalReason.QueueFull => QueueFull,
        RefusalReason.DeadlineUnreachable => DeadlineUnreachable,
        RefusalReason.UnknownFunction => For(InvocationFailure.UnknownFunction),
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "has no problem"),
    };

    /// <summary>The problem for a failed invocation.</summary>
    public static Problem For(InvocationFailure failure) => _byFailure[(int)failure];

    private static Problem[] BuildByFailure()
    {
        var failures = Enum.GetValues<InvocationFailure>();
        var table = new Problem[failures.Length];
        foreach (var failure in failures)
        {
            table[(int)failure] = Of(failure);
        }

        return table;
    }

    private static Problem Of(InvocationFailure failure) => failure switch
    {
        InvocationFailure.UnknownFunction => new(404, DataPlane, "unknown-function", Executed.Never, "The node has no function of that name."),
        InvocationFailure.UnknownService => new(404, DataPlane, "unknown-service", Executed.Never, "The node has no service of that name."),
        InvocationFailure.RateLimited => new(429, DataPlane, "rate-limited", Executed.Never, "The function's rate limit is reached.", 1),
        // The breaker closes after three good checks, one a second.
        InvocationFailure.BreakerOpen => new(503, DataPlane, "breaker-open", Executed.Never, "The node is overloaded and refuses every call.", 3),
        InvocationFailure.QueueTimeout => new(504, DataPlane, "queue-timeout", Executed.Never, "No worker became free within the deadline."),
        InvocationFailure.ExecutionTimeout => new(504, Worker, "execution-timeout", Executed.Maybe, "The function did not answer within the deadline."),
        InvocationFailure.DeadlineExceeded => new(504, DataPlane, "deadline-exceeded", Executed.Maybe, "No answer came within the deadline."),
        InvocationFailure.FunctionError => new(502, Worker, "function-error", Executed.Yes, "The function threw an error."),
        InvocationFailure.WorkerExited => new(502, Worker, "worker-exited", Executed.Maybe, "The worker ended while it held the request."),
        InvocationFailure.ResponseReset => new(502, Worker, "response-reset", Executed.Yes, "The function broke its response off."),
        // A worker is started all the same; it was seen to be usable 1.5 s later.
        InvocationFailure.NoWorker => new(503, DataPlane, "no-worker", Executed.Never, "No worker was ready and the function does not queue.", 2),
        InvocationFailure.ReplicaLimit => new(503, DataPlane, "replica-limit", Executed.Never, "Every worker that the function may have is starting or busy.", 1),
        InvocationFailure.NoMemory => new(503, DataPlane, "no-memory", Executed.Never, "The node has no memory for another worker."),
        InvocationFailure.CodeUnavailable => new(503, DataPlane, "code-unavailable", Executed.Never, "The function's code can't be had."),
        InvocationFailure.InvalidRuntime => new(503, DataPlane, "invalid-runtime", Executed.Never, "The function's runtime is not known to the node."),
        InvocationFailure.InitializerFailed => new(502, Worker, "initializer-failed", Executed.Never, "The worker ended while it was starting."),
        InvocationFailure.InitializerTimeout => new(502, Worker, "initializer-timeout", Executed.Never, "The worker did not start in time."),
        InvocationFailure.WorkerError => new(502, Worker, "worker-error", Executed.Maybe, "The worker failed."),
        InvocationFailure.PlaneUnavailable => new(503, DataPlane, "plane-unavailable", Executed.Never, "No data plane can be reached.", 1),
        InvocationFailure.PlaneStopped => new(503, DataPlane, "plane-stopped", Executed.Maybe, "The data plane was stopped during the call.", 1),
        InvocationFailure.PlaneLost => new(503, DataPlane, "plane-lost", Executed.Maybe, "The data plane was lost during the call.", 1),
        InvocationFailure.SessionFull => new(503, DataPlane, "session-full", Executed.Maybe, "The data plane's session has no room.", 1),
        InvocationFailure.RequestTooLarge => new(413, DataPlane, "request-too-large", Executed.Never, "The request is larger than the data plane takes."),
        InvocationFailure.ResponseTooLarge => new(502, Worker, "response-too-large", Executed.Yes, "The function wrote more at once than the data plane passes on."),
        InvocationFailure.InvalidResponse => new(502, DataPlane, "invalid-response", Executed.Maybe, "The data plane's answer does not follow the protocol."),
        InvocationFailure.PlaneError => new(502, DataPlane, "plane-error", Executed.Maybe, "The data plane failed."),
        // A plane was seen to get its profiles 5 to 11 s after its start; by the time it is connected, some of that is over.
        InvocationFailure.Resyncing => new(503, DataPlane, "resyncing", Executed.Never, "The node has just come back and does not have the function yet.", 2),
        InvocationFailure.RequestBodyFailed => BadRequest,
        _ => throw new ArgumentOutOfRangeException(nameof(failure), failure, "has no problem"),
    };
}
