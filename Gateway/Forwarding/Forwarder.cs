using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Gateway.Requests;
using NoslateFleet.Gateway.Routing;
using NoslateFleet.Gateway.Telemetry;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Forwarding;

/// <summary>Takes one admitted request to the node and its response back.</summary>
internal sealed class Forwarder
{
    private const int BufferSize = 16 * 1024;

    /// <summary>The reason of an invocation whose client has left.</summary>
    private const string ClientLeft = "client-left";

    /// <summary>Output is flushed at the latest after this many bytes, so that back-pressure is felt; Kestrel itself pauses at 64 KiB.</summary>
    private const int FlushAfter = 32 * 1024;

    /// <summary>How long what was flushed before a cut has to reach the socket, where only an abort can tell of the cut: it overtakes it.</summary>
    private static readonly TimeSpan _cutGrace = TimeSpan.FromMilliseconds(20);

    /// <summary>How long a client has to read what was sent before a cut. A slower one loses the rest, which it would have had no use for.</summary>
    private static readonly TimeSpan _endGrace = TimeSpan.FromSeconds(5);

    private readonly INoslateNode _node;
    private readonly InstanceLifecycle _lifecycle;
    private readonly ForwardingOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly RequestHeaderRules _requestRules;
    private readonly ResponseHeaderRules _responseRules;
    private readonly bool _functionCompute;
    private readonly FleetPublisher _publisher;

    public Forwarder(
        INoslateNode node,
        InstanceLifecycle lifecycle,
        FleetPublisher publisher,
        ForwardingOptions options,
        PlatformOptions platform,
        TimeProvider time,
        ILogger<Forwarder> logger)
    {
        _publisher = publisher;
        _lifecycle = lifecycle;
        _node = node;
        _options = options;
        _time = time;
        _logger = logger;
        _requestRules = new RequestHeaderRules(options, platform.Mode);
        _responseRules = new ResponseHeaderRules(options, platform.Mode);
        _functionCompute = platform.Mode == PlatformMode.FunctionCompute;
    }

    /// <summary>Forwards a request; sets the exchange's outcome. The ticket is closed by the caller, once the response's end is written.</summary>
    public async ValueTask ForwardAsync(PlatformExchange exchange, RouteDecision decision, Deadline deadline)
    {
        using var forward = StartActivities(exchange, decision, out var traceparent, out var tracestate);
        using var request = InvocationRequest.Rent(decision.Target!.Name, exchange.Method, decision.Url, exchange.RequestId);
        if (!_requestRules.Write(exchange.Request.Headers, exchange.Peer, exchange.PeerText, exchange.RequestId, traceparent, tracestate, request))
        {
            exchange.Outcome = Outcome.Failed;
            exchange.Response.Headers.Connection = "close";
            Answer(exchange, ProblemTable.AmbiguousRequest, ProblemTable.AmbiguousRequest.Executed, detail: null, retryAfterSeconds: null);
            return;
        }

        var body = exchange.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false }
            ? null
            : exchange.Features.Get<IRequestBodyPipeFeature>()?.Reader;
        InvocationCall? call = null;
        try
        {
            call = await _node.InvokeAsync(decision.Target.Kind, request, body, deadline.Head, exchange.Aborted);
            await RespondAsync(exchange, decision, deadline, call);
        }
        catch (InvocationFailedException failed)
        {
            await OnFailedAsync(exchange, failed);
        }
        catch (OperationCanceledException gone) when (gone.CancellationToken == exchange.Aborted || exchange.Aborted.IsCancellationRequested)
        {
            // Its token names the client also when the server has seen the connection end and not yet cancelled it.
            OnClientGone(exchange);
        }
        finally
        {
            if (call is not null)
            {
                await call.DisposeAsync();
            }

            await EndingAsync(exchange);
            if (forward is not null)
            {
                EndForward(forward, exchange);
            }
        }
    }

    /// <summary>Answers with a problem.</summary>
    public void Answer(PlatformExchange exchange, Problem problem, Executed executed, string? detail, int? retryAfterSeconds)
    {
        exchange.Response.StatusCode = problem.Status;
        exchange.Reason = problem.Reason;
        exchange.Executed = executed;
        EndConnectionIfLeaving(exchange);
        if (exchange.IsHttp1 && exchange.Request.Headers.Expect.Count > 0)
        {
            // A client that was never asked for its body may leave it out and go on with its next request, which would be read as this one's body.
            exchange.Response.Headers.Connection = "close";
        }

        if (_functionCompute)
        {
            exchange.Response.Headers[PlatformHeaders.Status] = "404";
        }

        ProblemWriter.Write(
            problem, executed, detail, exchange.RequestId, retryAfterSeconds, exchange.Response.Headers, exchange.IsHead ? null : exchange.ResponseBody.Writer);
    }

    /// <summary>
    /// Before the last of a response is written: once the client has it, the platform may freeze the instance, and the fleet must not go on believing that work
    /// runs.
    /// </summary>
    private ValueTask EndingAsync(PlatformExchange exchange)
    {
        if (exchange.IsEnding)
        {
            return ValueTask.CompletedTask;
        }

        exchange.IsEnding = true;
        return _publisher.Ending() ? _publisher.TellEndAsync() : ValueTask.CompletedTask;
    }

    /// <summary>Takes back a response head that was applied and has not left.</summary>
    public static void ResetHead(PlatformExchange exchange)
    {
        exchange.Response.Headers.Clear();
        if (exchange.RequestId.Length > 0)
        {
            exchange.Response.Headers[RequestIds.Header] = exchange.RequestId;
        }
    }

    private async ValueTask RespondAsync(PlatformExchange exchange, RouteDecision decision, Deadline deadline, InvocationCall call)
    {
        var response = exchange.Response;
        exchange.HeadAt = _time.GetTimestamp();
        exchange.Executed = Executed.Yes;
        if (_responseRules.Apply(call.Status, call.Headers, response.Headers) is { } unfit)
        {
            OnBadResponse(exchange, unfit);
            return;
        }

        response.StatusCode = call.Status;
        if (_functionCompute)
        {
            response.Headers[PlatformHeaders.Status] = exchange.IsEventCall && call.Status >= 500 ? "404" : "200";
        }

        EndConnectionIfLeaving(exchange);
        var idle = decision.Rule is { Idle: { Inherit: false } own } ? own.Value : _options.IdleTimeout;
        var bodyless = exchange.IsHead || call.Status is 204 or 205 or 304;
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        BodyWatch? watch = null;
        try
        {
            await CopyBodyAsync();
        }
        catch (InvocationFailedException) when (watch?.Expired is not null)
        {
            OnExpired(exchange, watch.Expired);
        }
        catch (OperationCanceledException) when (watch?.Expired is not null)
        {
            OnExpired(exchange, watch.Expired);
        }
        finally
        {
            watch?.Dispose();
            ArrayPool<byte>.Shared.Return(buffer);
        }

        async ValueTask CopyBodyAsync()
        {
            var writer = exchange.ResponseBody.Writer;
            var promised = bodyless ? null : response.Headers.ContentLength;
            var started = false;
            var unflushed = 0;
            long total = 0;

            // The bytes between these two are read and not yet handed to the server: small responses are there whole
            // before anything is sent, so that a length that doesn't fit can still be answered with an error.
            var start = 0;
            var filled = 0;
            if (bodyless || promised == 0)
            {
                // Its head is all that the client waits for, and may leave while the function goes on.
                await EndingAsync(exchange);
            }

            while (true)
            {
                if (filled >= BufferSize)
                {
                    await HandOverAsync();
                }

                var read = call.ReadAsync(buffer.AsMemory(filled, BufferSize - filled), exchange.Aborted);
                if (!read.IsCompleted)
                {
                    var keep = filled;
                    try
                    {
                        Watch();
                        await HandOverAsync();
                        await FlushAsync();
                    }
                    catch
                    {
                        // The read still owns the buffer, and whatever failed here need not end it.
                        await call.DisposeAsync();
                        await IgnoreAsync(read);
                        throw;
                    }

                    start = filled = keep;
                }

                int count;
                try
                {
                    count = await read;
                }
                catch (InvocationFailedException) when (started)
                {
                    // What came before the failure is the client's, up to the last byte.
                    await HandOverAsync();
                    throw;
                }

                if (count == 0)
                {
                    break;
                }

                total += count;
                exchange.Bytes = total;
                watch?.Received(count);
                if (bodyless)
                {
                    filled = start;
                }
                else if (promised is { } length && total > length)
                {
                    await OnMisfitAsync(exchange, started, total, length);
                    return;
                }
                else
                {
                    filled += count;
                    if (total == promised)
                    {
                        await EndingAsync(exchange);
                    }
                }
            }

            if (promised is { } expected && total != expected)
            {
                await OnMisfitAsync(exchange, started, total, expected);
                return;
            }

            if (!started && !bodyless && promised is null && !_functionCompute)
            {
                response.Headers.ContentLength = total;
            }

            await EndingAsync(exchange);
            await HandOverAsync();
            if (unflushed > 0 && (response.Headers.ContentLength is not null || total > FlushAfter))
            {
                // The server's own last flush waits for a client that does not read, with nobody to end that wait. A short chunked
                // rest is left to it all the same: bytes and last chunk go out together then.
                await FlushAsync();
            }

            // Before the outcome is known, so that no late look can abort what was told to be complete, or the next request.
            watch?.Dispose();
            if (watch?.Expired is { } limit)
            {
                OnExpired(exchange, limit);
                return;
            }

            if (exchange.Aborted.IsCancellationRequested)
            {
                OnClientGone(exchange);
                return;
            }

            exchange.Outcome = Outcome.Completed;
            GatewayLog.Answered(_logger, exchange.RequestId, exchange.Target, call.Status, total);

            async ValueTask HandOverAsync()
            {
                if (!started)
                {
                    started = true;
                    await exchange.ResponseBody.StartAsync(exchange.Aborted);
                }

                if (filled > start)
                {
                    Write(writer, buffer.AsSpan(start, filled - start));
                    unflushed += filled - start;
                    if (unflushed >= FlushAfter)
                    {
                        await FlushAsync();
                    }
                }

                start = filled = 0;
            }

            async ValueTask FlushAsync()
            {
                unflushed = 0;
                var flush = writer.FlushAsync(exchange.Aborted);
                if (!flush.IsCompleted)
                {
                    Watch();
                }

                var flushed = await flush;
                if (flushed.IsCompleted || flushed.IsCanceled)
                {
                    throw new OperationCanceledException(exchange.Aborted);
                }
            }

            // Only once something has to be waited for: most responses never need it.
            void Watch() => watch ??= new BodyWatch(call, exchange.Connection, _time, idle, exchange.StartedAt, deadline.Total, exchange.Lifetime.Abort);
        }
    }

    // Once the client has gone the server's writer gives exactly what is asked for, nothing where nothing is, and the framework's own
    // Write takes an empty span for a fault.
    private static void Write(PipeWriter writer, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var target = writer.GetSpan(1);
            var count = Math.Min(target.Length, bytes.Length);
            bytes[..count].CopyTo(target);
            writer.Advance(count);
            bytes = bytes[count..];
        }
    }

    private static async ValueTask IgnoreAsync(ValueTask<int> read)
    {
        try
        {
            await read;
        }
        catch (Exception)
        {
            // The first fault is the one that is told.
        }
    }

    private async ValueTask OnFailedAsync(PlatformExchange exchange, InvocationFailedException failed)
    {
        var error = failed.Error;
        if (exchange.Aborted.IsCancellationRequested
            || (error.Failure == InvocationFailure.RequestBodyFailed
                && ClientGone.IsToldBy(failed.InnerException, exchange.Request.Protocol.StartsWith("HTTP/1", StringComparison.Ordinal))))
        {
            OnClientGone(exchange);
            return;
        }

        exchange.Outcome = Outcome.Failed;
        var problem = error.Failure == InvocationFailure.RequestBodyFailed ? OfBody(failed.InnerException) : ProblemTable.For(error.Failure);
        var executed = error.Failure == InvocationFailure.RequestBodyFailed ? problem.Executed : error.Executed;
        GatewayLog.Failed(_logger, exchange.RequestId, exchange.Target, problem, executed, error.AfterHead, error.Message, error.Detail);
        exchange.Activity?.SetStatus(ActivityStatusCode.Error, problem.Reason);
        exchange.Reason = problem.Reason;
        exchange.Executed = executed;
        if (exchange.Response.HasStarted)
        {
            await CutAsync(exchange);
            return;
        }

        ResetHead(exchange);
        if (error.Failure == InvocationFailure.RequestBodyFailed)
        {
            // Where the next request begins on this connection can't be known.
            exchange.Response.Headers.Connection = "close";
        }

        Answer(exchange, problem, executed, detail: null, problem.RetryAfterSeconds);
    }

    private void OnBadResponse(PlatformExchange exchange, string detail)
    {
        exchange.Outcome = Outcome.Failed;
        var problem = ProblemTable.BadResponse;
        GatewayLog.Failed(_logger, exchange.RequestId, exchange.Target, problem, problem.Executed, afterHead: false, detail, null);
        exchange.Activity?.SetStatus(ActivityStatusCode.Error, problem.Reason);
        ResetHead(exchange);
        Answer(exchange, problem, problem.Executed, detail, problem.RetryAfterSeconds);
    }

    private async ValueTask OnMisfitAsync(PlatformExchange exchange, bool started, long total, long promised)
    {
        var detail = total > promised
            ? $"The function's Content-Length is {promised} and its body is longer."
            : $"The function's Content-Length is {promised} and its body ended after {total} bytes.";
        if (!started)
        {
            OnBadResponse(exchange, detail);
            return;
        }

        exchange.Outcome = Outcome.Failed;
        var problem = ProblemTable.BadResponse;
        exchange.Reason = problem.Reason;
        GatewayLog.Failed(_logger, exchange.RequestId, exchange.Target, problem, problem.Executed, afterHead: true, detail, null);
        exchange.Activity?.SetStatus(ActivityStatusCode.Error, problem.Reason);
        await CutAsync(exchange);
    }

    /// <summary>
    /// Ends a response whose head has left: nothing can be repaired now, and a clean end would make a cut answer look whole. What has left before reaches
    /// the client all the same, so that it sees which answer was cut.
    /// </summary>
    private async ValueTask CutAsync(PlatformExchange exchange)
    {
        if (exchange.Connection is { IsHttp2: false } connection && HasAnEndOfItsOwn(exchange))
        {
            await EndOutputAsync(exchange, connection);
        }
        else
        {
            try
            {
                await Task.Delay(_cutGrace, _time, exchange.Aborted);
            }
            catch (OperationCanceledException)
            {
                // The client was faster.
            }
        }

        exchange.Lifetime.Abort();
    }

    private async ValueTask EndOutputAsync(PlatformExchange exchange, TrackedConnection connection)
    {
        using var grace = new CancellationTokenSource(_endGrace, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(grace.Token, exchange.Aborted);
        try
        {
            await exchange.ResponseBody.Writer.FlushAsync(either.Token);
            await connection.EndOutputAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            // What it has not read by now it does not get.
        }
    }

    // Chunks or a length, which a mere end of the connection leaves open. Without either (HTTP/1.0) the end of the connection is the body's.
    private static bool HasAnEndOfItsOwn(PlatformExchange exchange) =>
        exchange.Response.Headers.ContentLength is not null || exchange.Request.Protocol.Equals("HTTP/1.1", StringComparison.Ordinal);

    private void OnExpired(PlatformExchange exchange, string limit)
    {
        exchange.Outcome = Outcome.Failed;
        exchange.Reason = limit;
        GatewayLog.Expired(_logger, exchange.RequestId, exchange.Target, limit);
        exchange.Activity?.SetStatus(ActivityStatusCode.Error, limit);
        exchange.Lifetime.Abort();
    }

    private void OnClientGone(PlatformExchange exchange)
    {
        exchange.Outcome = Outcome.Cancelled;
        exchange.Reason = ClientLeft;
        exchange.Executed = exchange.HeadAt == 0 ? Executed.Maybe : Executed.Yes;
        GatewayLog.ClientGone(_logger, exchange.RequestId, exchange.Target, ProblemTable.ClientClosedRequest);

        // Should it be there after all, an answer that nobody made must not reach it: the server's own would be an empty 200.
        exchange.Lifetime.Abort();
    }

    private void EndConnectionIfLeaving(PlatformExchange exchange)
    {
        if (!_lifecycle.IsLeaving)
        {
            return;
        }

        if (exchange.IsHttp1)
        {
            exchange.Response.Headers.Connection = "close";
        }
        else
        {
            // The connection may have been opened after all were told.
            exchange.Connection?.SayGoAway();
        }
    }

    private static Problem OfBody(Exception? error) => (error as BadHttpRequestException)?.StatusCode switch
    {
        413 => ProblemTable.BodyTooLargeMidway,
        408 => ProblemTable.RequestTimeout,
        _ => ProblemTable.BadRequest,
    };

    /// <summary>Starts the server's span and, below it, the forward's, whose context the function gets.</summary>
    /// <returns>The forward's; null if nobody listens, and the function gets the caller's context.</returns>
    private static Activity? StartActivities(PlatformExchange exchange, RouteDecision decision, out string? traceparent, out string? tracestate)
    {
        var headers = exchange.Request.Headers;
        traceparent = headers.TraceParent is [{ } received] ? received : null;
        tracestate = headers.TraceState.Count == 0 ? null : headers.TraceState.ToString();
        if (!GatewayActivity.Source.HasListeners())
        {
            return null;
        }

        ActivityContext.TryParse(traceparent, tracestate, isRemote: true, out var parent);
        var activity = GatewayActivity.Source.StartActivity(GatewayActivity.Invocation, ActivityKind.Server, parent);
        if (activity is null)
        {
            return null;
        }

        activity.SetTag("faas.name", decision.Target!.Name);
        activity.SetTag("http.request.method", exchange.Method);
        activity.SetTag("noslate.request_id", exchange.RequestId);
        exchange.Activity = activity;
        var forward = GatewayActivity.Source.StartActivity(GatewayActivity.Forward, ActivityKind.Client, activity.Context);
        forward?.SetTag("faas.invoked_name", decision.Target.Name);
        traceparent = (forward ?? activity).Id;
        tracestate = (forward ?? activity).TraceStateString;
        return forward;
    }

    private static void EndForward(Activity forward, PlatformExchange exchange)
    {
        forward.SetTag("noslate.outcome", exchange.Outcome.ToString().ToLowerInvariant());
        forward.SetTag("noslate.executed", exchange.Executed.ToString().ToLowerInvariant());
        if (exchange.HeadAt != 0)
        {
            forward.SetTag("http.response.status_code", exchange.Response.StatusCode);
        }

        if (exchange.Reason is { } reason)
        {
            forward.SetTag("noslate.reason", reason);
        }

        if (exchange.Outcome == Outcome.Failed)
        {
            forward.SetStatus(ActivityStatusCode.Error, exchange.Reason);
        }
    }
}
