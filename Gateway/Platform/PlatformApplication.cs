using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Forwarding;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Gateway.Requests;
using NoslateFleet.Gateway.Routing;
using NoslateFleet.Gateway.Telemetry;

namespace NoslateFleet.Gateway.Platform;

/// <summary>
/// The platform port's whole pipeline, in one place and in this order: request id, health path, what is never forwarded, routing,
/// deadline, admission, forwarding. It sits directly on Kestrel: a middleware pipeline with its context and log scopes was
/// measured to cost a quarter more processor time per invocation.
/// </summary>
internal sealed class PlatformApplication(
    PlatformOptions options,
    ForwardingOptions forwarding,
    LimitOptions limits,
    Router router,
    Forwarder forwarder,
    InvocationLedger ledger,
    TimeProvider time,
    ILogger<PlatformApplication> logger) : IHttpApplication<PlatformExchange>
{
    private readonly bool _paced = limits.MinRequestBodyRate is not null;
    private readonly bool _functionCompute = options.Mode == PlatformMode.FunctionCompute;
    private readonly Deadlines _deadlines = new(forwarding, options.Mode);

    public PlatformExchange CreateContext(IFeatureCollection contextFeatures)
    {
        PlatformExchange exchange;
        if (contextFeatures is IHostContextContainer<PlatformExchange> container)
        {
            exchange = container.HostContext ??= new PlatformExchange();
        }
        else
        {
            exchange = new PlatformExchange();
        }

        exchange.Begin(contextFeatures, time.GetTimestamp());
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
        context.Ticket.TryEnd(exception is null ? context.Outcome : Outcome.Failed);
        context.Ticket = default;
        context.Activity?.Dispose();
        context.Activity = null;
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

        if (StrictRequest.IsAmbiguous(exchange.Request))
        {
            // Where the next request begins on this connection may be in dispute.
            exchange.Response.Headers.Connection = "close";
            return Refuse(exchange, ProblemTable.AmbiguousRequest);
        }

        // "h2c" is an offer that a server may pass over; any other upgrade changes what the connection carries.
        if (exchange.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true }
            && !headers.Upgrade.ToString().Equals("h2c", StringComparison.OrdinalIgnoreCase))
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
        exchange.Ticket = ledger.Accept(decision.Target.Name, exchange.RequestId);
        return forwarder.ForwardAsync(exchange, decision, deadline);
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

    private ValueTask Refuse(PlatformExchange exchange, Problem problem)
    {
        GatewayLog.Refused(logger, exchange.RequestId, problem.Status, problem.Reason);
        Answer(exchange, problem);
        return ValueTask.CompletedTask;
    }

    private void Answer(PlatformExchange exchange, Problem problem) =>
        forwarder.Answer(exchange, problem, problem.Executed, detail: null, problem.RetryAfterSeconds);
}
