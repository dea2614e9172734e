using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Telemetry;

/// <summary>/metrics of a real gateway, read by a strict parser.</summary>
public sealed class MetricsTests
{
    [SkippableFact]
    public async Task EveryInvocation_IsCountedOnce_ByFunctionOutcomeReasonAndExecuted()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        }

        Assert.Equal(502, (await gateway.SendAsync("GET", "/invoke/script", GatewayRequests.ScriptLine(["throw"]))).Status);
        Assert.Equal(504, (await gateway.SendAsync("GET", "/invoke/script", "x-noslate-timeout-ms: 300", GatewayRequests.ScriptLine(["hang"]))).Status);
        var running = gateway.Flag("running");
        using (var leaver = await RawConnection.OpenAsync(gateway.Port))
        {
            await leaver.SendAsync(GatewayRequests.Text("GET", "/invoke/script", GatewayRequests.ScriptLine(["touch", running], ["hang"])));
            await GatewayUnderTest.AppearsAsync(running);
            var during = await PageAsync(gateway);
            Assert.Equal(1, during.Sum("noslatefleet_invocations_in_flight", ("function", "script")));
            leaver.Reset();
        }

        var settled = await gateway.SettledAsync();
        await Until.TrueAsync(async () => (await PageAsync(gateway)).Sum("noslatefleet_invocations_total") == settled.Accepted, "an end was not counted");
        var page = await PageAsync(gateway);
        double Count(params (string, string)[] labels) => page.Sum("noslatefleet_invocations_total", labels);
        Assert.Equal(3, Count(("function", "mirror"), ("outcome", "completed"), ("reason", "none"), ("executed", "yes")));
        Assert.Equal(1, Count(("function", "script"), ("outcome", "failed"), ("reason", "function-error"), ("executed", "yes")));
        Assert.Equal(1, Count(("function", "script"), ("outcome", "failed"), ("reason", "execution-timeout")) + Count(("reason", "deadline-exceeded")));
        Assert.Equal(1, Count(("function", "script"), ("outcome", "cancelled"), ("reason", "client-left")));
        Assert.Equal(settled.Accepted, page.Sum("noslatefleet_invocation_duration_seconds_count"));
        Assert.Equal(settled.Accepted, page.Sum("noslatefleet_invocation_queue_wait_seconds_count"));
        Assert.Equal(3, page.Sum("noslatefleet_invocation_time_to_head_seconds_count", ("function", "mirror")));
        Assert.Equal(0, page.Of("noslatefleet_conservation_drift").Single().Value);
        Assert.Equal(0, page.Sum("noslatefleet_invocations_in_flight"));
        Assert.Equal(1, page.Sum("noslatefleet_plane_connected", ("plane", "dp-0")));
        Assert.Equal(1, page.Sum("noslatefleet_instance_phase", ("phase", "ready")));
        Assert.Equal(1, page.Sum("noslatefleet_instance_phase"));

        // While a temperature can't be told, a start is neither.
        Assert.InRange(page.Sum("noslatefleet_cold_starts_total") + page.Sum("noslatefleet_cold_starts_avoided_total"), 1, settled.Accepted);
        Assert.True(page.Sum("noslatefleet_directory_publishes_total", ("outcome", "published")) > 0);
        Assert.Equal(0, page.Sum("noslatefleet_directory_publishes_total", ("outcome", "failed")));
        Assert.True(page.Of("noslatefleet_directory_age_seconds").Single().Value >= 0);
        Assert.True(page.Sum("dotnet_process_cpu_time_seconds_total") > 0);
    }

    [SkippableFact]
    public async Task ARefusal_IsNoInvocation()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        Assert.Equal(404, (await gateway.SendAsync("GET", "/")).Status);
        Assert.Equal(405, (await gateway.SendAsync("TRACE", "/invoke/mirror")).Status);
        await Until.TrueAsync(async () => (await PageAsync(gateway)).Sum("noslatefleet_refusals_total") == 2, "a refusal was not counted");
        var page = await PageAsync(gateway);
        Assert.Equal(1, page.Sum("noslatefleet_refusals_total", ("reason", "no-route")));
        Assert.Equal(1, page.Sum("noslatefleet_refusals_total", ("reason", "method-not-allowed")));
        Assert.Equal(0, page.Sum("noslatefleet_invocations_total"));
    }

    [SkippableFact]
    public async Task NamesThatClientsMakeUp_AreNoLabels()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(404, (await gateway.SendAsync("GET", $"/invoke/made-up-{i}")).Status);
        }

        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await Until.TrueAsync(async () => (await PageAsync(gateway)).Sum("noslatefleet_invocations_total") == 21, "an end was not counted");
        var page = await PageAsync(gateway);
        Assert.Equal(20, page.Sum("noslatefleet_invocations_total", ("function", "other"), ("reason", "unknown-function")));
        Assert.DoesNotContain(page.Samples, s => s.Labels.Values.Any(v => v.Contains("made-up", StringComparison.Ordinal)));
    }

    [SkippableFact]
    public async Task BeyondMaxFunctions_AllAreOther()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: [("Telemetry:MaxFunctions", "1")]);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/script", GatewayRequests.ScriptLine(["end"]))).Status);
        await Until.TrueAsync(async () => (await PageAsync(gateway)).Sum("noslatefleet_invocations_total") == 2, "an end was not counted");
        var labels = (await PageAsync(gateway)).Samples.Select(s => s.Labels.GetValueOrDefault("function")).OfType<string>().ToHashSet();
        Assert.Equal(2, labels.Count);
        Assert.Contains("other", labels);
    }

    [SkippableFact]
    public async Task TwoGatewaysInOneProcess_TellOnlyOfTheirOwn()
    {
        await using var one = await GatewayUnderTest.StartAsync();
        await using var other = await GatewayUnderTest.StartAsync();
        Assert.Equal(200, (await one.SendAsync("GET", "/invoke/mirror")).Status);
        await Until.TrueAsync(async () => (await PageAsync(one)).Sum("noslatefleet_invocations_total") == 1, "the end was not counted");
        Assert.Equal(0, (await PageAsync(other)).Sum("noslatefleet_invocations_total"));
    }

    [SkippableFact]
    public async Task FreezeThawAndStop_AreTold()
    {
        var time = new JumpingTime();
        await using var gateway = await GatewayUnderTest.StartAsync(time: time);
        Assert.Equal(200, (int)(await gateway.Admin.GetAsync("/pre-freeze")).StatusCode);
        time.Jump(TimeSpan.FromMinutes(7));
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await gateway.SettledAsync();
        Assert.Equal(200, (int)(await gateway.Admin.GetAsync("/pre-stop")).StatusCode);
        var page = await PageAsync(gateway);
        Assert.Equal(1, page.Sum("noslatefleet_freezes_total"));
        Assert.Equal(1, page.Sum("noslatefleet_thaws_total"));
        Assert.Equal(1, page.Sum("noslatefleet_thaw_first_answer_seconds_count"));
        Assert.InRange(page.Sum("noslatefleet_instance_time_seconds_total", ("use", "frozen")), 7 * 60 - 1, 7 * 60 + 1);
        Assert.Equal(1, page.Sum("noslatefleet_receipts_total", ("hook", "pre-freeze"), ("verdict", "clean")));
        Assert.Equal(1, page.Sum("noslatefleet_receipts_total", ("hook", "pre-stop"), ("verdict", "clean")));
        Assert.Equal(2, page.Sum("noslatefleet_hook_duration_seconds_count"));
        Assert.Equal(1, page.Sum("noslatefleet_hook_step_duration_seconds_count", ("hook", "pre-freeze"), ("step", "flush"), ("outcome", "done")));
        Assert.Equal(2, page.Of("noslatefleet_instance_epoch").Single().Value);
        Assert.Equal(1, page.Sum("noslatefleet_instance_phase", ("phase", nameof(InstancePhase.Stopped).ToLowerInvariant())));
    }

    [SkippableFact]
    public async Task WithoutMetrics_NothingIsMeasuredAndNoneServed()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: [("Telemetry:Metrics", "false")]);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        using var response = await gateway.Admin.GetAsync("/metrics");
        Assert.Equal(System.Net.HttpStatusCode.NotFound, response.StatusCode);
    }

    [SkippableFact]
    public async Task ScrapesAtTheSameTime_AreEachWhole()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        var pages = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => PageAsync(gateway)));
        Assert.All(pages, page => Assert.Equal(1, page.Sum("noslatefleet_instance_phase")));
    }

    internal static async Task<PrometheusPage> PageAsync(GatewayUnderTest gateway)
    {
        using var response = await gateway.Admin.GetAsync("/metrics");
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        return PrometheusPage.Parse(await response.Content.ReadAsStringAsync());
    }
}
