using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Forwarding;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Gateway.Requests;
using NoslateFleet.Gateway.Routing;
using NoslateFleet.Gateway.Telemetry;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Platform;

/// <summary>
/// The platform port's whole pipeline, in one place and in this order: request id, health path, what is never forwarded, hooks, routing,
/// deadline, lifecycle, admission, forwarding. It sits directly on Kestrel: a middleware pipeline with its context and log scopes was
/// measured to cost a quarter more processor time per invocation.
/// </summary>
internal sealed class PlatformApplication(
    PlatformOptions options,
    ForwardingOptions forwarding,
    LimitOptions limits,
    Router router,
    Forwarder forwarder,
    IInvocationGate gate,
    FleetPublisher publisher,
    InstanceLifecycle lifecycle,
    PlatformTrust trust,
    HookRunner hooks,
    InvocationMarkers markers,
    InvocationTelemetry telemetry,
    TimeProvider time,
    ILogger<PlatformApplication> logger) : IHttpApplication<PlatformExchange>
{
    private static readonly TimeSpan _startPause = TimeSpan.FromMilliseconds(100);

    private readonly bool _paced = limits.MinRequestBodyRate is not null;
    private readonly bool _functionCompute = options.Mode == PlatformMode.FunctionCompute;
    private readonly Deadlines _deadlines = new(forwarding, options.Mode);

    public PlatformExchange CreateContext(IFeatureCollection contextFeatures)
    {
        PlatformExchange exchange;
        if (contextFeatures is IHostContextContainer<PlatformExchange> container)
        {
            exchange = container.HostContext ??= NewExchange(contextFeatures);
        }
        else
        {
            exchange = NewExchange(contextFeatures);
        }

        exchange.Begin(contextFeatures, time.GetTimestamp());
        if (exchange.Connection is { IsHttp2: true } connection)
        {
            connection.Add(exchange);
        }

        return exchange;
    }

    public async Task ProcessRequestAsync(PlatformExchange context)
    {
        try
        {
            await ProcessAsync(context);
        }
        catch (OperationCanceledException) when (context.Aborted.IsCancellationRequested)
        {
            context.Outcome = Outcome.Cancelled;
        }
        catch (Exception error)
        {
            context.Outcome = Outcome.Failed;
            context.Reason = ProblemTable.Internal.Reason;
            context.Executed = ProblemTable.Internal.Executed;
            GatewayLog.Internal(logger, context.RequestId, context.Target, error);
            if (context.Response.HasStarted)
            {
                context.Lifetime.Abort();
            }
            else
            {
                Forwarder.ResetHead(context);
                Answer(context, ProblemTable.Internal);
            }
        }
    }

    public void DisposeContext(PlatformExchange context, Exception? exception)
    {
        // Called once Kestrel has written the end of the response: only now has the invocation ended.
        var outcome = exception is null ? context.Outcome : Outcome.Failed;
        if (context.End(gate, outcome))
        {
            telemetry.Ended(context, context.IsCut ? Outcome.Abandoned : outcome);
            markers.InvocationEnds(context.RequestId, outcome == Outcome.Completed);
            lifecycle.Answered(context.Epoch);
        }
        else if (context.Reason is not null)
        {
            telemetry.Refused(context);
        }

        if (context.Connection is { IsHttp2: true } connection)
        {
            connection.Remove(context);
        }

        if (context.IsEnding)
        {
            publisher.AfterEnd();
        }

        if (context.Activity is { } activity)
        {
            activity.SetTag("http.response.status_code", context.Response.StatusCode);
            activity.Dispose();
            context.Activity = null;
        }
    }

    private ValueTask ProcessAsync(PlatformExchange exchange)
    {
        var request = exchange.Request;
        var headers = request.Headers;
        var pathAndQuery = RawTarget.PathAndQuery(request.RawTarget);
        if (options.HealthPath is { } health && RawTarget.Path(pathAndQuery).SequenceEqual(health))
        {
            exchange.Response.Headers.ContentType = "text/plain";
            exchange.Response.Headers.ContentLength = 0;
            return ValueTask.CompletedTask;
        }

        exchange.RequestId = RequestIds.Of(headers, _functionCompute);
        exchange.Response.Headers[RequestIds.Header] = exchange.RequestId;
        if (exchange.Method is "CONNECT" or "TRACE")
        {
            return Refuse(exchange, ProblemTable.MethodNotAllowed);
        }

        if (StrictLength.IsUnknownCoding(exchange.Request))
        {
            exchange.Response.Headers.Connection = "close";
            return Refuse(exchange, ProblemTable.CodingNotSupported);
        }

        if (StrictRequest.IsAmbiguous(exchange.Request) || (_functionCompute && PlatformTrust.HasDoubledMark(headers)))
        {
            // Where the next request begins on this connection may be in dispute.
            exchange.Response.Headers.Connection = "close";
            return Refuse(exchange, ProblemTable.AmbiguousRequest);
        }

        if (trust.Recognise(exchange.Method, request.RawTarget, headers, exchange.Peer) is not Hook.None and var hook)
        {
            return RunHookAsync(exchange, hook);
        }

        if (headers.Upgrade.Count > 0 && AsksForUpgrade(exchange))
        {
            return Refuse(exchange, ProblemTable.UpgradeNotSupported);
        }

        if (_functionCompute)
        {
            exchange.IsEventCall = IsEventCall(exchange.Method, pathAndQuery, headers);
        }

        var decision = router.Decide(exchange.Method, pathAndQuery, headers);
        if (decision.Outcome != RouteOutcome.Found)
        {
            return Refuse(exchange, decision.Outcome == RouteOutcome.Malformed ? ProblemTable.BadTarget : ProblemTable.NoRoute);
        }

        if (!_deadlines.TryFind(headers, decision.Rule?.Timeout, out var deadline))
        {
            return Refuse(exchange, ProblemTable.BadTimeout);
        }

        if (forwarding.MaxRequestBodyBytes is { } limit && headers.ContentLength > limit)
        {
            return Refuse(exchange, ProblemTable.BodyTooLarge);
        }

        if (_paced && headers.ContentLength is null && exchange.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true })
        {
            // A body of untold length may be a conversation that stands still for good reasons; the idle limit sees both its directions.
            exchange.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = null;
        }

        exchange.Target = decision.Target!.Name;
        if (!lifecycle.TryPass())
        {
            return PassAndAdmitAsync(exchange, decision, deadline);
        }

        var admitted = gate.AdmitAsync(exchange.Target, exchange.RequestId, deadline.Head, exchange.Aborted);
        return admitted.IsCompletedSuccessfully
            ? Forward(exchange, decision, deadline, admitted.Result, waited: false)
            : AdmitAndForwardAsync(exchange, decision, deadline, admitted);
    }

    /// <summary>The way of a request that finds the instance not simply Ready: thawed just now, freezing, starting or leaving.</summary>
    private async ValueTask PassAndAdmitAsync(PlatformExchange exchange, RouteDecision decision, Deadline deadline)
    {
        await lifecycle.PassAsync(exchange.Aborted);
        if (_functionCompute && lifecycle.State is { Phase: InstancePhase.Starting } && await StartAsync(exchange, deadline) is { } missing)
        {
            GatewayLog.Refused(logger, exchange.RequestId, ProblemTable.Starting.Status, missing);
            forwarder.Answer(exchange, ProblemTable.Starting, Executed.Never, "Missing: " + missing + ".", ProblemTable.Starting.RetryAfterSeconds);
            return;
        }

        deadline = deadline.After(time.GetElapsedTime(exchange.StartedAt));
        await AdmitAndForwardAsync(
            exchange, decision, deadline, gate.AdmitAsync(exchange.Target, exchange.RequestId, deadline.Head, exchange.Aborted));
    }

    /// <summary>
    /// FC 3.0 does not tell whether an initialiser is configured, and calls none if it is not: the first invocation does its work, within its own time.
    /// </summary>
    private async ValueTask<string?> StartAsync(PlatformExchange exchange, Deadline deadline)
    {
        using var over = new CancellationTokenSource(deadline.Head, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, exchange.Aborted);
        var missing = "the request's time was over first";
        try
        {
            while (await lifecycle.InitializeAsync(budget: null, byHook: false, either.Token) is { } left)
            {
                // That run may have been another's, with less time left than this request has.
                missing = left;
                await Task.Delay(_startPause, time, either.Token);
            }

            return null;
        }
        catch (OperationCanceledException) when (!exchange.Aborted.IsCancellationRequested)
        {
            return missing;
        }
    }

    private async ValueTask AdmitAndForwardAsync(
        PlatformExchange exchange, RouteDecision decision, Deadline deadline, ValueTask<AdmissionResult> admitting)
    {
        var waits = !admitting.IsCompleted;
        var admitted = await admitting;
        await Forward(exchange, decision, waits ? deadline.After(time.GetElapsedTime(exchange.StartedAt)) : deadline, admitted, waited: true);
    }

    private ValueTask Forward(PlatformExchange exchange, RouteDecision decision, Deadline deadline, AdmissionResult admitted, bool waited)
    {
        if (!admitted.Accepted)
        {
            var problem = ProblemTable.For(admitted.Reason);
            GatewayLog.Refused(logger, exchange.RequestId, problem.Status, problem.Reason);
            int? retryAfter = admitted.RetryAfter is { } wait ? (int)wait.TotalSeconds : problem.RetryAfterSeconds;
            forwarder.Answer(exchange, problem, problem.Executed, detail: null, retryAfter);
            return ValueTask.CompletedTask;
        }

        exchange.Accepted(admitted, waited ? time.GetTimestamp() : exchange.StartedAt);
        markers.InvocationStarts(exchange.RequestId);
        return forwarder.ForwardAsync(exchange, decision, deadline);
    }

    private async ValueTask RunHookAsync(PlatformExchange exchange, Hook hook)
    {
        lifecycle.Tick();
        var answer = await hooks.RunAsync(hook, exchange.Request.Headers, exchange.RequestId, exchange.Aborted);
        exchange.Response.StatusCode = answer.Status;
        if (_functionCompute)
        {
            exchange.Response.Headers[PlatformHeaders.Status] = answer.Status == 200 ? "200" : "404";
        }

        answer.Write(exchange.Response.Headers, exchange.ResponseBody.Writer, exchange.RequestId);
    }

    private static PlatformExchange NewExchange(IFeatureCollection features)
    {
        var connection = features.Get<TrackedConnection>();
        var exchange = new PlatformExchange(connection);
        if (connection is { IsHttp2: false })
        {
            connection.Add(exchange);
        }

        return exchange;
    }

    /// <summary>
    /// Whether this is the platform's event call (https://help.aliyun.com/zh/functioncompute/fc/user-guide/web-functions). An outsider's
    /// POST /invoke through an HTTP trigger bears the control path /http-invoke and is an ordinary request.
    /// </summary>
    private static bool IsEventCall(string method, string pathAndQuery, IHeaderDictionary headers)
    {
        var control = headers[PlatformHeaders.ControlPath];
        return control.Count > 0
            ? control is ["/invoke"]
            : method.Equals("POST", StringComparison.Ordinal) && RawTarget.Path(pathAndQuery) is "/invoke";
    }

    // The server itself passes over an upgrade of a request with a body. "h2c" is an offer that may be passed over; any other changes what the connection
    // carries. Of HTTP/1.0 it means nothing (RFC 9110, section 7.8).
    private static bool AsksForUpgrade(PlatformExchange exchange)
    {
        var headers = exchange.Request.Headers;
        return exchange.Request.Protocol.Equals("HTTP/1.1", StringComparison.Ordinal)
            && !headers.Upgrade.ToString().Equals("h2c", StringComparison.OrdinalIgnoreCase)
            && HopByHop.Names(headers.Connection, "upgrade");
    }

    private ValueTask Refuse(PlatformExchange exchange, Problem problem)
    {
        GatewayLog.Refused(logger, exchange.RequestId, problem.Status, problem.Reason);
        Answer(exchange, problem);
        return ValueTask.CompletedTask;
    }

    private void Answer(PlatformExchange exchange, Problem problem) =>
        forwarder.Answer(exchange, problem, problem.Executed, detail: null, problem.RetryAfterSeconds);
}
