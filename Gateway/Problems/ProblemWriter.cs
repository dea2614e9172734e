using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Problems;

/// <summary>Writes a problem as <c>application/problem+json</c> (RFC 9457) and the same facts as headers.</summary>
internal static class ProblemWriter
{
    public const string ComponentHeader = "x-noslate-component";
    public const string ReasonHeader = "x-noslate-reason";
    public const string ExecutedHeader = "x-noslate-executed";

    /// <summary>Puts the problem into a response that has not started.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="executed">Whether the function ran: the table's word, or what is known better in this case.</param>
    /// <param name="detail">One sentence on this very case, fit for a caller; null for none.</param>
    /// <param name="requestId">The request's id.</param>
    /// <param name="retryAfterSeconds">When a retry makes sense; null if unknown.</param>
    /// <param name="headers">The response's headers; what is in them is kept.</param>
    /// <param name="body">Where the body goes; null for none (HEAD).</param>
    public static void Write(
        Problem problem, Executed executed, string? detail, string requestId, int? retryAfterSeconds, IHeaderDictionary headers, PipeWriter? body)
    {
        headers[ComponentHeader] = problem.Component;
        headers[ReasonHeader] = problem.Reason;
        headers[ExecutedHeader] = Problem.Text(executed);
        if (retryAfterSeconds is { } seconds)
        {
            headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        headers.ContentType = "application/problem+json";
        headers.CacheControl = "no-store";
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("type", "urn:noslatefleet:problem:" + problem.Reason);
            json.WriteString("title", problem.Title);
            json.WriteNumber("status", problem.Status);
            if (detail is not null)
            {
                json.WriteString("detail", detail);
            }

            json.WriteString("component", problem.Component);
            json.WriteString("reason", problem.Reason);
            json.WriteString("requestId", requestId);
            json.WriteString("executed", Problem.Text(executed));
            json.WriteEndObject();
        }

        headers.ContentLength = buffer.WrittenCount;
        if (body is not null)
        {
            var target = body.GetSpan(buffer.WrittenCount);
            buffer.WrittenSpan.CopyTo(target);
            body.Advance(buffer.WrittenCount);
        }
    }
}
