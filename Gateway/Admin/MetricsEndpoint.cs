using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Gateway.Telemetry;
using NoslateFleet.Gateway.Telemetry.Prometheus;

namespace NoslateFleet.Gateway.Admin;

/// <summary>/metrics, for a scraper that reads Prometheus's text format.</summary>
internal static class MetricsEndpoint
{
    public const string Path = "/metrics";

    public static void MapMetrics(this WebApplication app)
    {
        if (!app.Services.GetRequiredService<TelemetryOptions>().Metrics)
        {
            return;
        }

        // Made now: what is measured before the first scrape counts as well.
        var collector = app.Services.GetRequiredService<MetricCollector>();
        app.MapGet(Path, async (HttpContext context) =>
        {
            var text = await collector.CollectAsync(context.RequestAborted);
            context.Response.ContentType = PrometheusText.ContentType;
            context.Response.ContentLength = text.Length;
            context.Response.Headers.CacheControl = "no-store";
            await context.Response.BodyWriter.WriteAsync(text, context.RequestAborted);
        });
    }
}
