using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Dashboard.Pages;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Gateway.Problems;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>
/// Keeps a page that stands open up to date: the parts of it that have changed, rendered as the page itself is, as server-sent events. What has not
/// changed but for its age is not sent: the page counts ages on by itself.
/// </summary>
internal sealed partial class DashboardEvents(
    FleetView view,
    DashboardReadings readings,
    DashboardAccess access,
    DashboardOptions options,
    PageRenderer renderer,
    TimeProvider time,
    IHostApplicationLifetime host)
{
    /// <summary>How often it looks without being told: standings change with time alone.</summary>
    public static readonly TimeSpan Tick = TimeSpan.FromSeconds(2);

    /// <summary>The least time between two looks.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(400);

    private int _open;

    public async Task StreamAsync(HttpContext context)
    {
        DashboardPages.Protect(context.Response);
        if (access.Find(context) is null)
        {
            if (!access.IsServed(context))
            {
                AdminRefusals.Write(context, ProblemTable.NoToken);
            }
            else if (access.Failed(context) is { Ticks: > 0 } wait)
            {
                AdminRefusals.Write(context, ProblemTable.TooManyFailures with { RetryAfterSeconds = DashboardPages.HasToWait(context, wait) });
            }
            else
            {
                AdminRefusals.Write(context, ProblemTable.Unauthorized);
            }

            return;
        }

        // It could not read a word of it, but take the place of somebody who may.
        if (RequestOrigin.IsForeign(context.Request))
        {
            AdminRefusals.Write(context, ProblemTable.ForeignOrigin);
            return;
        }

        if (Interlocked.Increment(ref _open) > options.MaxLivePages)
        {
            Interlocked.Decrement(ref _open);
            AdminRefusals.Write(context, ProblemTable.TooManyListeners);
            return;
        }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, host.ApplicationStopping);
        using var watching = view.Watch();
        try
        {
            context.Response.ContentType = "text/event-stream";
            context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
            await SseFormatter.WriteAsync(
                FragmentsAsync(context, ended.Token),
                context.Response.Body,
                static (item, buffer) =>
                {
                    using var writer = new Utf8JsonWriter(buffer);
                    JsonSerializer.Serialize(writer, item.Data, DashboardJson.Default.Fragment);
                },
                ended.Token);
        }
        catch (OperationCanceledException)
        {
            // The reader left, or the process ends. A write may find that out before the request's own token does.
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }

    private async IAsyncEnumerable<SseItem<Fragment>> FragmentsAsync(HttpContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var texts = Texts.For(context.Request);
        var sent = new Dictionary<string, string>(StringComparer.Ordinal);
        var rows = new RowsSeen();

        // At once, so that the page knows that it is followed.
        yield return new SseItem<Fragment>(new Fragment("", ""), "live");
        while (true)
        {
            // A session that ends, ends its pages too.
            if (access.Find(context) is null)
            {
                yield break;
            }

            var picture = view.Picture();
            foreach (var (id, part, isText) in await PartsAsync(context, picture, texts, rows, cancellationToken))
            {
                var html = isText ?? await renderer.RenderAsync(part!);

                // Ages tick on the page.
                var same = AgeText().Replace(html, "$1");
                // The first time each part is sent: what the page was loaded with may be older than what is known now.
                if (sent.GetValueOrDefault(id) != same)
                {
                    sent[id] = same;
                    yield return new SseItem<Fragment>(new Fragment(id, html), isText is null ? "part" : "text");
                }
            }

            yield return new SseItem<Fragment>(new Fragment("now", picture.Now.ToUnixTimeMilliseconds().ToString(System.Globalization.CultureInfo.InvariantCulture)), "now");
            await Task.Delay(Pause, time, cancellationToken);
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(view.ChangedSince(picture.Number), Task.Delay(Tick - Pause, time, over.Token));
            await over.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private async Task<List<(string Id, RenderFragment? Part, string? Text)>> PartsAsync(
        HttpContext context, FleetPicture picture, Texts texts, RowsSeen rows, CancellationToken cancellationToken)
    {
        var query = context.Request.Query;
        List<(string, RenderFragment?, string?)> parts = [("status", Shell.Status(picture, texts), null)];
        switch (query["view"].ToString())
        {
            case "fleet":
                var fleet = new FleetModel(picture, FleetQuery.Of(query, options.RowsPerPage), options.RowsPerPage);
                parts.Add(("said", null, FleetParts.Said(picture, texts)));
                parts.Add(("summary", FleetParts.Summary(fleet, texts), null));
                parts.Add(("functions", FleetParts.Functions(fleet, texts), null));
                if (rows.AreOthers(fleet.Rows))
                {
                    parts.Add(("table", FleetParts.Table(fleet, texts), null));
                    parts.Add(("pager", FleetParts.Pager(fleet, texts), null));
                }
                else
                {
                    parts.AddRange(rows.Changed(fleet.Rows)
                        .Select(row => (ElementIds.Row(row.Id), (RenderFragment?)FleetParts.Row(row, texts), (string?)null)));
                }

                break;
            case "function" when FunctionModel.Of(picture, query["name"].ToString()) is { } function:
                parts.Add(("summary", FunctionParts.Summary(function, texts), null));
                parts.Add(("places", FunctionParts.Places(function, texts), null));
                break;
            case "instance" when picture.Find(query["id"].ToString()) is { } instance:
                var timeline = readings.TimelineAsync(instance.Id, cancellationToken);
                var orders = readings.OrdersAsync(instance.Id, cancellationToken);
                var model = new InstanceModel(instance, await timeline, await orders, query["placed"]);
                parts.Add(("summary", InstanceParts.Head(model, texts), null));
                parts.Add(("functions", InstanceParts.Functions(model, texts), null));
                parts.Add(("orders", InstanceParts.Orders(model, texts), null));
                parts.Add(("timeline", InstanceParts.Timeline(model, texts), null));
                break;
            case "profiles":
                var profiles = new ProfilesModel(picture, await readings.RecentProfilesAsync(cancellationToken));
                parts.Add(("progress", ProfileParts.Progress(profiles, texts), null));
                parts.Add(("versions", ProfileParts.Versions(profiles, access.Find(context) is { MayOperate: true }, texts), null));
                break;
        }

        return parts;
    }

    [GeneratedRegex("(data-heard=\"-?[0-9]+\">)[^<]*")]
    private static partial Regex AgeText();

    /// <summary>The rows that a page shows, and what they told last.</summary>
    private sealed class RowsSeen
    {
        private Dictionary<string, (InstanceSnapshot Snapshot, Standing Standing, Trend Trend)> _rows = [];
        private List<string>? _order;

        public bool AreOthers(IReadOnlyList<FleetInstance> rows)
        {
            if (_order is not null && _order.Count == rows.Count && !rows.Where((row, i) => row.Id != _order[i]).Any())
            {
                return false;
            }

            _order = [.. rows.Select(static row => row.Id)];
            _rows = rows.ToDictionary(static row => row.Id, Told, StringComparer.Ordinal);
            return true;
        }

        public List<FleetInstance> Changed(IReadOnlyList<FleetInstance> rows)
        {
            var changed = new List<FleetInstance>();
            foreach (var row in rows)
            {
                var told = Told(row);
                var before = _rows[row.Id];
                if (!ReferenceEquals(before.Snapshot, told.Item1) || before.Standing != told.Item2 || !ReferenceEquals(before.Trend, told.Item3))
                {
                    _rows[row.Id] = told;
                    changed.Add(row);
                }
            }

            return changed;
        }

        private static (InstanceSnapshot, Standing, Trend) Told(FleetInstance row) => (row.Snapshot, row.Standing, row.Trend);
    }
}
