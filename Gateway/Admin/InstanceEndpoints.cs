using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Admin;

/// <summary>This instance on the admin port: what it is doing, what it did, and orders to it.</summary>
internal static partial class InstanceEndpoints
{
    private const string By = "admin API";

    public static void MapInstance(this WebApplication app)
    {
        // Made now: receipts before the first question count as well.
        app.Services.GetRequiredService<ReceiptBook>();
        app.MapGet("/api/workers", static context => FleetRequest.RunAsync(context, WorkersAsync))
            .Describe<WorkersAnswer>(ApiTags.Instance, "listWorkers", "The node's workers, one by one");
        app.MapGet("/api/in-flight", static context => FleetRequest.RunAsync(context, InFlightAsync))
            .Describe<InFlightAnswer>(ApiTags.Instance, "listInFlight", "What is in flight, the oldest first");
        app.MapGet("/api/receipts", static context => FleetRequest.RunAsync(context, ReceiptsAsync))
            .Describe<ReceiptsAnswer>(ApiTags.Instance, "listReceipts", "What the last freezes and stops did");
        app.MapGet("/api/recorder", static context => FleetRequest.RunAsync(context, RecorderAsync))
            .Describe<RecorderAnswer>(ApiTags.Instance, "readRecorder", "The last lifecycle events", problems: 400)
            .WithQuery("after", "The last number that the reader has; all events if not given", isNumber: true);
        app.MapGet("/api/configuration", static context => FleetRequest.RunAsync(context, ConfigurationAsync))
            .Describe<ConfigurationAnswer>(ApiTags.Instance, "readConfiguration", "Every setting that holds, secrets hidden");
        app.MapPost("/api/drain", static context => FleetRequest.RunAsync(context, DrainAsync))
            .Describe<Receipt>(ApiTags.Instance, "drain", "Ends what runs, takes nothing new and stays there stopped; answers once that is done");
        app.MapPost("/api/undrain", static context => FleetRequest.RunAsync(context, UndrainAsync))
            .Describe<UndrainAnswer>(ApiTags.Instance, "undrain", "Serves again after a drain or a stop");
        app.MapPost("/api/flush", static context => FleetRequest.RunAsync(context, FlushAsync))
            .Describe<FlushAnswer>(ApiTags.Instance, "flush", "Sends out what is held back, and publishes");
    }

    private static async Task WorkersAsync(HttpContext context)
    {
        var stats = await context.RequestServices.GetRequiredService<INoslateNode>().GetStatsAsync(context.RequestAborted);
        var workers = from function in stats.Functions
                      from worker in function.Workers
                      orderby function.Name, worker.Name
                      select new WorkerLine(function.Name, worker.Name, worker.State, worker.ProcessId, worker.RegisteredAt, worker.ActiveRequests);
        await FleetRequest.WriteAsync(
            context, 200, new WorkersAnswer([.. workers], stats.TrafficAsOf, stats.SnapshotAsOf, stats.Errors), InstanceApiJson.Default.WorkersAnswer);
    }

    private static Task InFlightAsync(HttpContext context)
    {
        var open = context.RequestServices.GetRequiredService<InvocationLedger>().ListOpen();
        return FleetRequest.WriteAsync(
            context,
            200,
            new InFlightAnswer(
                context.RequestServices.GetRequiredService<InstanceLifecycle>().State.Epoch,
                [.. open.OrderByDescending(static one => one.Age)
                    .Select(static one => new InFlightLine(one.RequestId, one.Target, (long)one.Age.TotalMilliseconds, one.Epoch))]),
            InstanceApiJson.Default.InFlightAnswer);
    }

    private static Task ReceiptsAsync(HttpContext context) => FleetRequest.WriteAsync(
        context, 200, new ReceiptsAnswer(context.RequestServices.GetRequiredService<ReceiptBook>().List()), InstanceApiJson.Default.ReceiptsAnswer);

    private static Task RecorderAsync(HttpContext context)
    {
        var after = FleetRequest.Number(context, "after", 0, long.MaxValue) ?? 0;
        var lifecycle = context.RequestServices.GetRequiredService<InstanceLifecycle>();
        var events = lifecycle.Recorder.After(after);
        return FleetRequest.WriteAsync(
            context,
            200,
            new RecorderAnswer(lifecycle.Identity.Boot, events, events.Count > 0 ? events[^1].Sequence : after),
            InstanceApiJson.Default.RecorderAnswer);
    }

    private static Task ConfigurationAsync(HttpContext context) => FleetRequest.WriteAsync(
        context,
        200,
        new ConfigurationAnswer(EffectiveSettings.Of(
            context.RequestServices.GetRequiredService<GatewayOptions>(), context.RequestServices.GetRequiredService<IConfiguration>())),
        InstanceApiJson.Default.ConfigurationAnswer);

    private static async Task DrainAsync(HttpContext context)
    {
        // Goes on if the caller leaves.
        var receipt = await context.RequestServices.GetRequiredService<InstanceLifecycle>().StopAsync(By).WaitAsync(context.RequestAborted);
        await FleetRequest.WriteAsync(context, 200, receipt, LifecycleJson.Default.Receipt);
    }

    private static Task UndrainAsync(HttpContext context)
    {
        var lifecycle = context.RequestServices.GetRequiredService<InstanceLifecycle>();
        var undone = lifecycle.Undrain(By);
        return FleetRequest.WriteAsync(context, 200, new UndrainAnswer(undone, lifecycle.State.Phase), InstanceApiJson.Default.UndrainAnswer);
    }

    private static async Task FlushAsync(HttpContext context)
    {
        var time = context.RequestServices.GetRequiredService<TimeProvider>();
        var budget = context.RequestServices.GetRequiredService<GatewayOptions>().Lifecycle.Budgets.Flush;
        var began = time.GetTimestamp();
        var complete = true;
        using var over = new CancellationTokenSource(budget, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, context.RequestAborted);
        try
        {
            await context.RequestServices.GetRequiredService<IInstanceWork>().FlushAsync(either.Token).WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            complete = false;
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // Whatever holds output back has its own ways to fail.
            FlushFailed(context.RequestServices.GetRequiredService<ILogger<ReceiptBook>>(), error);
            complete = false;
        }

        context.RequestServices.GetRequiredService<FleetPublisher>().Changed();
        await FleetRequest.WriteAsync(
            context, 200, new FlushAnswer(complete, time.GetElapsedTime(began).TotalMilliseconds), InstanceApiJson.Default.FlushAnswer);
    }

    [LoggerMessage(1190, LogLevel.Warning, "A flush asked for on the admin port failed in part")]
    private static partial void FlushFailed(ILogger logger, Exception error);
}
