using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Gateway.Requests;

namespace NoslateFleet.Gateway.Admin;

/// <summary>
/// Turns what the server, the routing or a fault of ours would answer by a bare status into a problem document, so that whoever calls the admin port
/// has one kind of error to read.
/// </summary>
internal static partial class AdminRefusals
{
    /// <summary>Answers a request; what no endpoint has answered becomes a problem.</summary>
    /// <param name="context">The request.</param>
    /// <param name="next">What answers it.</param>
    /// <param name="logger">Is told of a fault of ours.</param>
    public static async Task RunAsync(HttpContext context, RequestDelegate next, ILogger logger)
    {
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to be answered.
            return;
        }
        catch (BadHttpRequestException error) when (!context.Response.HasStarted)
        {
            context.Response.Clear();
            Write(context, error.StatusCode switch
            {
                StatusCodes.Status413PayloadTooLarge => ProblemTable.BodyTooLarge,
                StatusCodes.Status408RequestTimeout => ProblemTable.RequestTimeout,
                _ => ProblemTable.BadRequest,
            });
            return;
        }
        catch (InvalidOperationException error) when (!context.Response.HasStarted && context.Request.Headers.TransferEncoding.Count > 0 && ServerLogs.IsClients(error))
        {
            // What the server says of a trailer that it can't read.
            context.Response.Clear();
            Write(context, ProblemTable.BadRequest);
            return;
        }
        catch (Exception error) when (!context.Response.HasStarted)
        {
            context.Response.Clear();
            Failed(logger, error, Write(context, ProblemTable.Internal));
            return;
        }

        // The routing's own answers have neither a type nor a length.
        if (context.Response is { HasStarted: false, ContentType: null, ContentLength: null } && Bare(context.Response.StatusCode) is { } problem)
        {
            Write(context, problem);
        }
    }

    /// <summary>Answers a request with a problem.</summary>
    /// <param name="context">The request; its answer has not begun.</param>
    /// <param name="problem">The problem.</param>
    /// <returns>The request's id.</returns>
    public static string Write(HttpContext context, Problem problem)
    {
        var requestId = RequestIds.Of(context.Request.Headers, believePlatform: false);
        context.Response.StatusCode = problem.Status;
        context.Response.Headers[RequestIds.Header] = requestId;
        if (problem.Status == StatusCodes.Status401Unauthorized)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
        }

        var body = HttpMethods.IsHead(context.Request.Method) ? null : context.Response.BodyWriter;
        ProblemWriter.Write(problem, problem.Executed, detail: null, requestId, problem.RetryAfterSeconds, context.Response.Headers, body);
        return requestId;
    }

    private static Problem? Bare(int status) => status switch
    {
        StatusCodes.Status404NotFound => ProblemTable.NotFound,
        StatusCodes.Status405MethodNotAllowed => ProblemTable.WrongMethod,
        _ => null,
    };

    [LoggerMessage(1120, LogLevel.Error, "The admin port failed at request {RequestId}")]
    private static partial void Failed(ILogger logger, Exception error, string requestId);
}
