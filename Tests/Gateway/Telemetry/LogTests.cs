using Microsoft.Extensions.Logging;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Telemetry;

/// <summary>The log lines of requests.</summary>
public sealed class LogTests
{
    private static readonly string[] _aboutRequests = ["NoslateFleet.Gateway.Forwarding.Forwarder:", "NoslateFleet.Gateway.Platform.PlatformApplication:"];

    [SkippableFact]
    public async Task EveryLineOfARequest_BearsItsId()
    {
        var time = new JumpingTime();
        await using var gateway = await GatewayUnderTest.StartAsync(time: time, settings: [("Forwarding:IdleTimeout", "60s"), ("Logging:LogLevel:NoslateFleet.Gateway", "Debug")]);
        async Task<RawResponse> RunAsync(string id, string target, params object[][] steps) =>
            await gateway.SendAsync("GET", target, "x-request-id: " + id, GatewayRequests.ScriptLine(steps));
        Assert.Equal(200, (await RunAsync("id-answered", "/invoke/script", ["end"])).Status);
        Assert.Equal(502, (await RunAsync("id-failed", "/invoke/script", ["throw"])).Status);
        Assert.Equal(404, (await RunAsync("id-refused", "/")).Status);
        Assert.Equal(502, (await RunAsync("id-unfit", "/invoke/script", ["head", 200, new Dictionary<string, object> { ["content-length"] = "x" }], ["end"])).Status);
        using (var cut = await RawConnection.OpenAsync(gateway.Port))
        {
            var go = gateway.Flag("go");
            await cut.SendAsync(GatewayRequests.Text(
                "GET", "/invoke/script", "x-request-id: id-cut", GatewayRequests.ScriptLine(["head", 200], ["write", "half"], ["await", go], ["throw"])));
            await cut.ReadHeadAsync();
            Assert.NotNull(await cut.ReadChunkAsync());
            await File.WriteAllTextAsync(go, "");
            Assert.Null(await cut.ReadChunkAsync());
        }

        using (var expired = await RawConnection.OpenAsync(gateway.Port))
        {
            await expired.SendAsync(GatewayRequests.Text(
                "GET", "/invoke/script", "x-request-id: id-expired", GatewayRequests.ScriptLine(["head", 200], ["write", "half"], ["hang"])));
            await expired.ReadHeadAsync();
            Assert.NotNull(await expired.ReadChunkAsync());
            for (var i = 0; i < 3; i++)
            {
                time.Jump(TimeSpan.FromSeconds(45));
            }

            Assert.Null(await expired.ReadChunkAsync());
        }

        using (var leaver = await RawConnection.OpenAsync(gateway.Port))
        {
            var running = gateway.Flag("running");
            await leaver.SendAsync(GatewayRequests.Text(
                "GET", "/invoke/script", "x-request-id: id-left", GatewayRequests.ScriptLine(["touch", running], ["hang"])));
            await GatewayUnderTest.AppearsAsync(running);
            leaver.Reset();
        }

        await gateway.SettledAsync();
        string[] ids = ["id-answered", "id-failed", "id-refused", "id-unfit", "id-cut", "id-expired", "id-left"];
        var lines = gateway.Log.Where(l => _aboutRequests.Any(c => l.StartsWith(c, StringComparison.Ordinal))).ToList();
        Assert.All(lines, l => Assert.Contains(ids, id => l.Contains(id, StringComparison.Ordinal)));
        Assert.All(ids, id => Assert.Single(lines, l => l.Contains(id, StringComparison.Ordinal)));
    }

    [SkippableTheory]
    [InlineData("limited", "end", 429, LogLevel.Information)]
    [InlineData("nobody", "end", 404, LogLevel.Information)]
    [InlineData("script", "throw", 502, LogLevel.Warning)]
    public async Task Failure_IsAWarning_UnlessItIsTheClients(string function, string step, int status, LogLevel level)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(
        [
            GatewayUnderTest.Function("script"),
            GatewayUnderTest.Function("script", "limited", ("rateLimit", new { maxTokenCount = 1, tokensPerFill = 1, fillInterval = 3_600_000 })),
        ]);
        if (status == 429)
        {
            Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/limited", GatewayRequests.ScriptLine(["end"]))).Status);
        }

        var answer = await gateway.SendAsync("GET", "/invoke/" + function, "x-request-id: the-id", GatewayRequests.ScriptLine([step]));
        Assert.Equal(status, answer.Status);
        await gateway.SettledAsync();
        Assert.Equal(level, Assert.Single(gateway.LeveledLog, l => l.Line.Contains("the-id ", StringComparison.Ordinal)).Level);
    }

    [SkippableFact]
    public async Task HeadersAndBodies_AreInNoLine()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        await gateway.SendAsync("GET", "/invoke/mirror?q=SECRET", "Authorization: SECRET", "Cookie: SECRET");
        await gateway.SendAsync("GET", "/invoke/script", "Authorization: SECRET", GatewayRequests.ScriptLine(["throw"]));
        await gateway.SendAsync("GET", "/SECRET?SECRET");
        await gateway.SettledAsync();
        Assert.DoesNotContain(gateway.Log, l => l.Contains("SECRET", StringComparison.Ordinal));
    }
}
