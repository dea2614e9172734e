using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Gateway.Requests;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>
/// Answers hooks, the same way on both ports: 200, or 404. Never 500, at which Function Compute restarts the instance
/// (https://help.aliyun.com/document_detail/425056.html).
/// </summary>
internal sealed partial class HookRunner(
    InstanceLifecycle lifecycle, GatewayOptions options, InvocationMarkers markers, TimeProvider time, ILogger<HookRunner> logger)
{
    // The header is in seconds and older than FC 3.0; the platform's own longest is 300.
    private const string InitializationTimeout = "x-fc-initialization-timeout";
    private const int LongestTold = 3600;

    /// <summary>Runs a hook, or joins its run.</summary>
    /// <param name="hook">The hook.</param>
    /// <param name="headers">The request's headers.</param>
    /// <param name="requestId">The request's id.</param>
    /// <param name="cancellationToken">The caller has gone; the run goes on.</param>
    public async Task<HookAnswer> RunAsync(Hook hook, IHeaderDictionary headers, string requestId, CancellationToken cancellationToken)
    {
        markers.HookStarts(hook, requestId);
        var began = time.GetTimestamp();
        HookAnswer answer;
        try
        {
            answer = hook switch
            {
                Hook.Initialize => await InitializeAsync(headers, cancellationToken),
                Hook.PreFreeze => Of(await lifecycle.FreezeAsync().WaitAsync(cancellationToken)),
                Hook.PreStop => Of(await StopAsync(cancellationToken)),
                _ => throw new ArgumentOutOfRangeException(nameof(hook), hook, "is no hook"),
            };
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception error)
        {
            Broke(logger, hook, error);
            answer = HookAnswer.Of(ProblemTable.HookFailed, "The gateway's log tells how.");
        }

        markers.HookEnds(hook, requestId, answer.Status == 200);
        Answered(logger, requestId, hook, answer.Status, answer.Summary, time.GetElapsedTime(began).TotalMilliseconds);
        return answer;
    }

    // A stop that somebody else began may last longer than this caller's own limit: its answer leaves in time all the same.
    private async Task<Receipt> StopAsync(CancellationToken cancellationToken)
    {
        var budget = options.Lifecycle.Budgets.Stop;
        var margin = options.Lifecycle.Budgets.AnswerMargin / 2;
        var run = lifecycle.StopAsync("hook");
        try
        {
            return await run.WaitAsync(budget > margin * 2 ? budget - margin : budget, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return lifecycle.StopSoFar();
        }
    }

    private async Task<HookAnswer> InitializeAsync(IHeaderDictionary headers, CancellationToken cancellationToken)
    {
        var budgets = options.Lifecycle.Budgets;
        var total = Told(headers) ?? budgets.Answerable(budgets.Initialize);
        string? missing;
        try
        {
            // A run that is joined may have more time than this caller: its answer leaves in time all the same. The run's own is waited for a little.
            missing = await lifecycle.InitializeAsync(total, byHook: true, cancellationToken).WaitAsync(total + (budgets.AnswerMargin * 3 / 4), time, cancellationToken);
        }
        catch (TimeoutException)
        {
            missing = "the time was over, and the initialisation goes on";
        }

        if (missing is not null)
        {
            return HookAnswer.Of(ProblemTable.NotInitialised, "Missing: " + missing + ".");
        }

        var state = lifecycle.State;
        var body = new InitializeAnswer(lifecycle.Identity.InstanceId, lifecycle.Identity.Boot, state.Epoch, state.Phase);
        return new HookAnswer(200, JsonSerializer.SerializeToUtf8Bytes(body, LifecycleJson.Default.InitializeAnswer), null, null, "initialised");
    }

    private TimeSpan? Told(IHeaderDictionary headers)
    {
        if (options.Platform.Mode != PlatformMode.FunctionCompute
            || headers[InitializationTimeout] is not [{ } text]
            || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || seconds is < 1 or > LongestTold)
        {
            return null;
        }

        return options.Lifecycle.Budgets.Answerable(TimeSpan.FromSeconds(seconds));
    }

    private static HookAnswer Of(Receipt receipt) => new(
        200, JsonSerializer.SerializeToUtf8Bytes(receipt, LifecycleJson.Default.Receipt), null, null, receipt.Verdict.ToString());

    [LoggerMessage(1050, LogLevel.Information, "{RequestId}: {Hook} answered {Status} {Summary} after {Ms:0.0} ms")]
    private static partial void Answered(ILogger logger, string requestId, Hook hook, int status, string summary, double ms);

    [LoggerMessage(1051, LogLevel.Error, "{Hook} broke")]
    private static partial void Broke(ILogger logger, Hook hook, Exception error);
}

/// <summary>What a hook is answered with: a body of its own, or a problem.</summary>
/// <param name="Status">200 or 404.</param>
/// <param name="Body">JSON; null for a problem.</param>
/// <param name="Problem">The problem; null for none.</param>
/// <param name="Detail">The problem's detail.</param>
/// <param name="Summary">For the log.</param>
internal sealed record HookAnswer(int Status, byte[]? Body, Problem? Problem, string? Detail, string Summary)
{
    public static HookAnswer Of(Problem problem, string detail) => new(problem.Status, null, problem, detail, detail);

    /// <summary>Puts the answer into a response that has not started.</summary>
    /// <param name="headers">The response's headers.</param>
    /// <param name="body">Where the body goes.</param>
    /// <param name="requestId">The request's id.</param>
    public void Write(IHeaderDictionary headers, System.IO.Pipelines.PipeWriter body, string requestId)
    {
        if (Problem is not null)
        {
            ProblemWriter.Write(Problem, Problem.Executed, Detail, requestId, Problem.RetryAfterSeconds, headers, body);
            return;
        }

        headers.ContentType = "application/json";
        headers.CacheControl = "no-store";
        headers.ContentLength = Body!.Length;
        Body.CopyTo(body.GetSpan(Body.Length));
        body.Advance(Body.Length);
    }
}
