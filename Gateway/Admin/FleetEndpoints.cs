using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Problems;

namespace NoslateFleet.Gateway.Admin;

/// <summary>The fleet on the admin port: its instances, as the directory knows them, and orders to them. No other instance is asked.</summary>
internal static class FleetEndpoints
{
    private const int UsualLimit = 100;
    private const int MaxLimit = 1000;
    private const double MaxExpirySeconds = 30 * 24 * 3600;

    public static void MapFleet(this WebApplication app)
    {
        app.MapGet("/api/fleet", static context => FleetRequest.RunAsync(context, FleetAsync))
            .Describe<FleetAnswer>(ApiTags.Fleet, "listFleet", "A page of instances and counts of all; with changesSince what has changed", problems: [400, 503])
            .WithQuery("limit", "Instances on a page, 1 to 1000; 100 if not given", isNumber: true)
            .WithQuery("after", "The page after this id")
            .WithQuery("changesSince", "An earlier answer's version, or none: the answer has version, more, reset, changed and removed instead");
        app.MapGet("/api/fleet/events", static context => FleetRequest.RunAsync(context, EventsAsync))
            .Describe<ChangesAnswer>(
                ApiTags.Fleet, "followFleet", "Changes of the fleet as server-sent events", contentType: "text/event-stream", problems: [400, 503])
            .WithQuery("changesSince", "As for /api/fleet; all instances first if not given")
            .WithHeader("Last-Event-ID", "The id of the last event received; it wins over changesSince");
        app.MapGet("/api/fleet/instances/{id}", static context => FleetRequest.RunAsync(context, InstanceAsync))
            .Describe<FleetInstanceAnswer>(ApiTags.Fleet, "readFleetInstance", "One instance, and what it has left in the directory", problems: 503)
            .WithInstance();
        app.MapGet("/api/fleet/instances/{id}/orders", static context => FleetRequest.RunAsync(context, OrdersAsync))
            .Describe<OrdersAnswer>(ApiTags.Orders, "listOrders", "Open orders and the last ended ones", problems: 503)
            .WithInstance();
        app.MapPost("/api/fleet/instances/{id}/orders", static context => FleetRequest.RunAsync(context, PlaceAsync, changes: true))
            .Describe<OrderAnswer>(ApiTags.Orders, "placeOrder", "Orders an instance to drain, undrain or flush", status: 202, problems: [400, 413, 415, 503])
            .WithInstance()
            .WithBody<OrderBody>("The order");
        app.MapFleetProfiles();
    }

    private static async Task FleetAsync(HttpContext context)
    {
        var directory = context.RequestServices.GetRequiredService<IFleetDirectory>();
        var options = context.RequestServices.GetRequiredService<FleetOptions>().Standing;
        var limit = (int)(FleetRequest.Number(context, "limit", 1, MaxLimit) ?? UsualLimit);
        var after = FleetRequest.Query(context, "after");
        if (FleetRequest.Query(context, "changesSince") is { } since)
        {
            if (after is not null)
            {
                throw FleetRequest.Bad("after and changesSince don't go together: the first pages through all, the second through what has changed");
            }

            await ChangesAsync(context, directory, Version(since), limit, options);
            return;
        }

        var view = await directory.ReadAllAsync(context.RequestAborted);
        var counts = new int[Enum.GetValues<Standing>().Length];
        var page = new List<InstanceLine>();
        var more = false;
        foreach (var entry in view.Entries)
        {
            counts[(int)view.StandingOf(entry, options)]++;
            if (after is not null && string.CompareOrdinal(entry.Snapshot.InstanceId, after) <= 0)
            {
                continue;
            }

            if (page.Count < limit)
            {
                page.Add(InstanceLine.Of(entry, view.AsOf, options));
            }
            else
            {
                more = true;
            }
        }

        await FleetRequest.WriteAsync(
            context,
            200,
            new FleetAnswer(
                view.AsOf,
                view.Entries.Count,
                new StandingCounts(
                    counts[(int)Standing.Active],
                    counts[(int)Standing.Draining],
                    counts[(int)Standing.Quiet],
                    counts[(int)Standing.Lost],
                    counts[(int)Standing.Stopped],
                    counts[(int)Standing.Gone]),
                view.Unreadable,
                page,
                more ? page[^1].InstanceId : null),
            FleetApiJson.Default.FleetAnswer);
    }

    private static async Task ChangesAsync(HttpContext context, IFleetDirectory directory, DirectoryVersion since, int limit, StandingOptions options)
    {
        var page = await directory.ReadChangesAsync(since, limit, context.RequestAborted);
        await FleetRequest.WriteAsync(context, 200, Changes(page, options), FleetApiJson.Default.ChangesAnswer);
    }

    /// <summary>A page of changes, for callers.</summary>
    public static ChangesAnswer Changes(DirectoryPage page, StandingOptions options) => new(
        page.AsOf,
        string.Create(CultureInfo.InvariantCulture, $"{page.Version.Directory}.{page.Version.Number}"),
        page.More,
        page.Reset,
        [.. page.Changed.Select(entry => InstanceLine.Of(entry, page.AsOf, options))],
        page.Removed);

    private static async Task EventsAsync(HttpContext context)
    {
        var since = context.Request.Headers["Last-Event-ID"] switch
        {
            [{ Length: > 0 } id] => Version(id, "Last-Event-ID"),
            _ => Version(FleetRequest.Query(context, "changesSince") ?? ""),
        };
        var events = context.RequestServices.GetRequiredService<FleetEvents>();
        if (!events.TryEnter())
        {
            throw new FleetRequestException(ProblemTable.TooManyListeners, null);
        }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(
            context.RequestAborted, context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        try
        {
            context.Response.ContentType = "text/event-stream";
            context.Response.Headers.CacheControl = "no-store";
            context.Response.Headers["X-Accel-Buffering"] = "no";
            await context.Response.StartAsync(ended.Token);
            await events.RunAsync(since, context.Response.BodyWriter, ended.Token);
        }
        catch (OperationCanceledException)
        {
            // The listener has gone, or the process ends.
        }
        finally
        {
            events.Leave();
        }
    }

    private static DirectoryVersion Version(string text, string name = "changesSince")
    {
        if (text is "" or "none")
        {
            return DirectoryVersion.None;
        }

        var dot = text.LastIndexOf('.');
        return dot > 0 && long.TryParse(text.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new DirectoryVersion(text[..dot], number)
            : throw FleetRequest.Bad($"{name} must be the version of an earlier answer, or none");
    }

    private static async Task InstanceAsync(HttpContext context)
    {
        var directory = context.RequestServices.GetRequiredService<IFleetDirectory>();
        var entry = await EntryAsync(context, directory);
        var records = await directory.ReadRecordsAsync(entry.Snapshot.InstanceId, context.RequestAborted);

        // For the directory's clock: an entry's age is by that, not by ours.
        var now = (await directory.ReadChangesAsync(DirectoryVersion.None, 1, context.RequestAborted)).AsOf;
        await FleetRequest.WriteAsync(
            context,
            200,
            new FleetInstanceAnswer(
                InstanceLine.Of(entry, now, context.RequestServices.GetRequiredService<FleetOptions>().Standing),
                entry.Snapshot.ContainerLife,
                entry.Snapshot.Functions,
                entry.Snapshot.LeftOut,
                FleetJsonText.Element(entry.Snapshot.LastReceiptJson),
                [.. records.Select(static of => new RecordAnswer(of.Kind, of.Boot, of.Epoch, of.At, FleetJsonText.Element(of.Json)))]),
            FleetApiJson.Default.FleetInstanceAnswer);
    }

    private static async Task OrdersAsync(HttpContext context)
    {
        // Also of an instance that the directory knows no more: its orders may outlive it.
        var orders = await context.RequestServices.GetRequiredService<IFleetOrders>().ListAsync(FleetRequest.InstanceId(context), context.RequestAborted);
        await FleetRequest.WriteAsync(context, 200, new OrdersAnswer([.. orders.Select(OrderAnswer.Of)]), FleetApiJson.Default.OrdersAnswer);
    }

    private static async Task PlaceAsync(HttpContext context)
    {
        var body = await FleetRequest.BodyAsync(context, FleetApiJson.Default.OrderBody);
        var kind = Kind(body.Kind);
        var id = body.Id ?? Guid.NewGuid().ToString("N");
        if (!FleetOrder.IsId(id))
        {
            throw FleetRequest.Bad($"id must be 1 to {FleetOrder.MaxIdLength} letters, digits, -, _ and .");
        }

        if (body.ExpirySeconds is not (null or (>= 1 and <= MaxExpirySeconds)))
        {
            throw FleetRequest.Bad(string.Create(CultureInfo.InvariantCulture, $"expirySeconds must be from 1 to {MaxExpirySeconds} (30 days)"));
        }

        var by = FleetRequest.By(body.By);
        var now = context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
        var expiry = body.ExpirySeconds is { } seconds
            ? TimeSpan.FromSeconds(seconds)
            : context.RequestServices.GetRequiredService<FleetOptions>().OrderExpiry;
        var state = await PlaceAsync(context, new FleetOrder(id, FleetRequest.InstanceId(context), null, kind, by, now, now + expiry));
        await FleetRequest.WriteAsync(context, 202, OrderAnswer.Of(state), FleetApiJson.Default.OrderAnswer);
    }

    private static async Task<FleetOrderState> PlaceAsync(HttpContext context, FleetOrder order)
    {
        var orders = context.RequestServices.GetRequiredService<IFleetOrders>();
        DirectoryEntry entry;
        try
        {
            entry = await EntryAsync(context, context.RequestServices.GetRequiredService<IFleetDirectory>());
        }
        catch (FleetDirectoryException)
        {
            // Never placed without the life that it is for: by the time the directory is back, another may bear the instance's id.
            if (await orders.BringAsync(order, context.RequestAborted))
            {
                return new FleetOrderState(order, null);
            }

            throw;
        }

        return await orders.PlaceAsync(
            order with { InstanceId = entry.Snapshot.InstanceId, ContainerLife = entry.Snapshot.ContainerLife }, context.RequestAborted);
    }

    private static FleetOrderKind Kind(string? text) => text?.ToLowerInvariant() switch
    {
        "drain" => FleetOrderKind.Drain,
        "undrain" => FleetOrderKind.Undrain,
        "flush" => FleetOrderKind.Flush,
        _ => throw FleetRequest.Bad("kind must be drain, undrain or flush"),
    };

    private static async Task<DirectoryEntry> EntryAsync(HttpContext context, IFleetDirectory directory) =>
        await directory.ReadAsync(FleetRequest.InstanceId(context), context.RequestAborted)
        ?? throw new FleetRequestException(ProblemTable.UnknownInstance, null);
}
