using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Gateway.Requests;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Admin;

/// <summary>A request of the fleet's API can't be answered as asked.</summary>
internal sealed class FleetRequestException : Exception
{
    public FleetRequestException(Problem problem, string? detail)
        : base(detail ?? problem.Title)
    {
        Problem = problem;
        Detail = detail;
    }

    public Problem Problem { get; }

    /// <summary>One sentence on this very case; null for none.</summary>
    public string? Detail { get; }
}

/// <summary>Reads what a request of the fleet's API says, and answers it.</summary>
internal static class FleetRequest
{
    /// <summary>A body of a few words.</summary>
    private const int MaxSmallBody = 16 * 1024;

    private const int MaxBy = 128;

    /// <summary>Answers a request; what is wrong with it, or with the directory, becomes a problem.</summary>
    /// <param name="context">The request.</param>
    /// <param name="answer">Answers it.</param>
    /// <param name="changes">Whether it may have changed something when the directory fails.</param>
    public static async Task RunAsync(HttpContext context, Func<HttpContext, Task> answer, bool changes = false)
    {
        try
        {
            await answer(context);
        }
        catch (FleetRequestException refused)
        {
            Write(context, refused.Problem, refused.Problem.Executed, refused.Detail);
        }
        catch (FleetDirectoryException) when (!context.Response.HasStarted)
        {
            // Its message may name addresses: it is for the log of who holds the connection, not for callers.
            Write(context, ProblemTable.DirectoryUnavailable, changes ? Executed.Maybe : Executed.Never, detail: null);
        }
        catch (BadHttpRequestException) when (!context.Response.HasStarted)
        {
            // The body broke off, or came too slowly.
            Write(context, ProblemTable.BadRequest, Executed.Never, detail: null);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to be answered.
        }
    }

    public static FleetRequestException Bad(string detail) => new(ProblemTable.BadArgument, detail);

    public static Task WriteAsync<T>(HttpContext context, int status, T answer, JsonTypeInfo<T> type)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsJsonAsync(answer, AdminText.Plain(type), contentType: null, context.RequestAborted);
    }

    /// <summary>The instance that the path names.</summary>
    public static string InstanceId(HttpContext context) =>
        // Routing leaves this one as it was sent.
        ((string)context.Request.RouteValues["id"]!).Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    public static string? Query(HttpContext context, string name) => context.Request.Query[name] switch
    {
        [] => null,
        [var one] => one,
        _ => throw Bad($"{name} is there more than once"),
    };

    public static long? Number(HttpContext context, string name, long least, long most)
    {
        var text = Query(context, name);
        return text is null ? null
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number
            : throw Bad(string.Create(CultureInfo.InvariantCulture, $"{name} must be a whole number from {least} to {most}"));
    }

    /// <summary>Who asks, in words: as told, else that it came this way.</summary>
    public static string By(string? told) =>
        string.IsNullOrWhiteSpace(told) ? "admin API"
        : told.Length <= MaxBy && !told.Any(char.IsControl) ? told
        : throw Bad($"by must be at most {MaxBy} characters, none of them a control character");

    /// <summary>The version that a change was made from: If-Match, or expectedVersion; null if none is told.</summary>
    public static long? ExpectedVersion(HttpContext context)
    {
        var query = Number(context, "expectedVersion", 0, long.MaxValue);
        var header = context.Request.Headers.IfMatch;
        if (header.Count == 0 || header is ["*"])
        {
            return query;
        }

        if (header is not [{ } tag] || !long.TryParse(tag.Trim().Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var version))
        {
            throw Bad("If-Match must be the ETag of one version, such as \"3\", or *");
        }

        return query is null || query == version ? version : throw Bad("If-Match and expectedVersion name different versions");
    }

    /// <summary>A small body.</summary>
    public static async Task<T> BodyAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class
    {
        var body = await BytesAsync(context, MaxSmallBody);
        try
        {
            return JsonSerializer.Deserialize(body.Span, type) ?? throw Bad("the body is null, must be a JSON object");
        }
        catch (JsonException error)
        {
            throw Bad($"the body is not the JSON object that is wanted, at line {(error.LineNumber ?? 0) + 1}, byte {(error.BytePositionInLine ?? 0) + 1}");
        }
    }

    /// <summary>The body, if it is not longer than that.</summary>
    public static async Task<ReadOnlyMemory<byte>> BytesAsync(HttpContext context, int most)
    {
        if (context.Request.Headers.ContentEncoding is not ([] or ["identity"]))
        {
            throw new FleetRequestException(ProblemTable.UnsupportedEncoding, null);
        }

        if (context.Request.ContentLength > most)
        {
            throw TooLarge(most);
        }

        using var content = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0)
        {
            if (content.Length + read > most)
            {
                throw TooLarge(most);
            }

            content.Write(buffer, 0, read);
        }

        return content.GetBuffer().AsMemory(0, (int)content.Length);
    }

    /// <summary>The text of a body that was found to be UTF-8; a mark of byte order at its beginning is no part of it.</summary>
    public static string Text(ReadOnlyMemory<byte> utf8)
    {
        var span = utf8.Span;
        return Encoding.UTF8.GetString(span.StartsWith("\uFEFF"u8) ? span[3..] : span);
    }

    private static FleetRequestException TooLarge(int most) =>
        new(ProblemTable.BodyTooLarge, string.Create(CultureInfo.InvariantCulture, $"It may have {most} bytes here."));

    private static void Write(HttpContext context, Problem problem, Executed executed, string? detail)
    {
        var requestId = RequestIds.Of(context.Request.Headers, believePlatform: false);
        context.Response.StatusCode = problem.Status;
        context.Response.Headers[RequestIds.Header] = requestId;
        ProblemWriter.Write(problem, executed, detail, requestId, problem.RetryAfterSeconds, context.Response.Headers, context.Response.BodyWriter);
    }
}
