using System.Text.Json;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Admin;

/// <summary>What the admin port tells of this instance, and orders to it.</summary>
public sealed class InstanceApiTests
{
    [SkippableFact]
    public async Task InFlight_IsListedWithItsAge_AndItsWorkerToo()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        var go = gateway.Flag("go");
        using var client = await RawConnection.OpenAsync(gateway.Port);
        await client.SendAsync(GatewayRequests.Text(
            "GET", "/invoke/script", "x-request-id: in-flight-1", GatewayRequests.ScriptLine(["touch", gateway.Flag("here")], ["await", go], ["end", "all"])));
        await GatewayUnderTest.AppearsAsync(gateway.Flag("here"));

        var line = Assert.Single((await GetAsync(gateway, "/api/in-flight")).GetProperty("invocations").EnumerateArray());
        Assert.Equal(("script", 1), (line.GetProperty("function").GetString(), line.GetProperty("epoch").GetInt64()));
        Assert.InRange(line.GetProperty("ageMs").GetInt64(), 0, 60_000);
        Assert.NotEmpty(line.GetProperty("requestId").GetString()!);
        var worker = Assert.Single((await GetAsync(gateway, "/api/workers")).GetProperty("workers").EnumerateArray());
        Assert.Equal("script", worker.GetProperty("function").GetString());

        await File.WriteAllTextAsync(go, "");
        await client.ReadAsync();
        await gateway.SettledAsync();
        Assert.Empty((await GetAsync(gateway, "/api/in-flight")).GetProperty("invocations").EnumerateArray());
    }

    [SkippableFact]
    public async Task DrainUndrainFlush_AreCarriedOut_AndLeaveReceiptsAndEvents()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        var before = (await GetAsync(gateway, "/api/recorder")).GetProperty("last").GetInt64();
        var receipt = await PostAsync(gateway, "/api/drain");
        Assert.Equal(("Clean", "admin API"), (receipt.GetProperty("verdict").GetString(), receipt.GetProperty("cause").GetString()));
        Assert.Equal(InstancePhase.Stopped, gateway.Lifecycle.State.Phase);

        var undone = await PostAsync(gateway, "/api/undrain");
        Assert.Equal((true, "Ready"), (undone.GetProperty("undone").GetBoolean(), undone.GetProperty("phase").GetString()));
        Assert.False((await PostAsync(gateway, "/api/undrain")).GetProperty("undone").GetBoolean());
        Assert.True((await PostAsync(gateway, "/api/flush")).GetProperty("complete").GetBoolean());

        Assert.Equal("pre-stop", Assert.Single((await GetAsync(gateway, "/api/receipts")).GetProperty("receipts").EnumerateArray()).GetProperty("hook").GetString());
        var events = (await GetAsync(gateway, "/api/recorder?after=" + before)).GetProperty("events").EnumerateArray().ToArray();
        Assert.All(events, e => Assert.True(e.GetProperty("sequence").GetInt64() > before));
        Assert.Contains(events, e => e.GetProperty("detail").GetString()!.Contains("Draining", StringComparison.Ordinal));
    }

    /// <summary>People read the answers with curl and search them for names.</summary>
    [Theory]
    [InlineData("GET", "/api/configuration", "")]
    [InlineData("GET", "/api/functions", "")]
    [InlineData("POST", "/api/fleet/profiles/validate", "{\"functions\":[{\"name\":\"付款/订单+1'<\"}]}")]
    public async Task Answers_ShowNamesAsTheyAre_AndAreNoPages(string method, string path, string body)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: [("Routing:Default", "付款/订单+1")]);
        gateway.Ledger.Accept("付款/订单+1", "r").TryEnd(NoslateFleet.Coordination.Invocations.Outcome.Completed);
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new StringContent(body) };
        using var response = await gateway.Admin.SendAsync(request);
        Assert.Contains("付款/订单+1", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("application/json", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
    }

    [Theory]
    [InlineData("after=x")]
    [InlineData("after=-1")]
    [InlineData("after=1&after=2")]
    public async Task RecorderAfterNoNumber_IsRefused(string query)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        using var response = await gateway.Admin.GetAsync("/api/recorder?" + query);
        Assert.Equal("400 gateway bad-argument never", (await ProblemSeen.OfAsync(response)).ToString());
    }

    [Fact]
    public async Task Configuration_ShowsWhatHolds_AndNoSecret()
    {
        string[] secrets = ["t0p-single", "t0p-reader", "t0p-redis", "t0p-misspelt", "t0p-inside", "t0p-tls"];
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings:
        [
            ("Admin:Token", secrets[0]), ("Admin:Tokens:0:Name", "wall"), ("Admin:Tokens:0:Token", secrets[1]), ("Admin:Tokens:0:Role", "read"),
            ("Redis:Endpoints:0", "redis.example:6379"), ("Redis:Password", secrets[2]), ("Redis:Pasword", secrets[3]),
            ("Redis:ConnectionString", "redis.example,password=" + secrets[4]), ("Silo:Tls:Key", secrets[5]), ("Admission:MaxQueued", "7"),
        ]);
        using var response = await gateway.Admin.GetAsync("/api/configuration");
        var text = await response.Content.ReadAsStringAsync();
        Assert.All(secrets, secret => Assert.DoesNotContain(secret, text, StringComparison.Ordinal));

        var settings = JsonDocument.Parse(text).RootElement.GetProperty("settings").EnumerateArray()
            .ToDictionary(s => s.GetProperty("key").GetString()!, s => s.GetProperty("value").GetString());
        Assert.All(
            new[] { "Admin:Token", "Admin:Tokens:0:Token", "Redis:Password", "Redis:Pasword", "Redis:ConnectionString", "Silo:Tls:Key" },
            key => Assert.Equal(EffectiveSettings.Hidden, settings[key]));
        Assert.Equal(
            ("wall", "Read", "redis.example:6379", "7", "00:01:00", null),
            (settings["Admin:Tokens:0:Name"], settings["Admin:Tokens:0:Role"], settings["Redis:Endpoints:0"], settings["Admission:MaxQueued"], settings["Forwarding:Timeout"],
             settings["Platform:HealthPath"]));
        Assert.DoesNotContain(settings.Keys, key => key.StartsWith("PATH", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("Admin:Token", true)]
    [InlineData("Admin:Tokens:0:Token", true)]
    [InlineData("Admin:Tokens:0:Name", false)]
    [InlineData("Redis:ConnectionString", true)]
    [InlineData("X:PASSWORDS:3", true)]
    [InlineData("X:ClientSecret", true)]
    [InlineData("Platform:Port", false)]
    public void Secret_IsKnownByItsName(string key, bool secret) => Assert.Equal(secret, EffectiveSettings.IsSecret(key));

    private static async Task<JsonElement> GetAsync(GatewayUnderTest gateway, string path)
    {
        using var response = await gateway.Admin.GetAsync(path);
        Assert.Equal(200, (int)response.StatusCode);
        return JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync()).RootElement.Clone();
    }

    private static async Task<JsonElement> PostAsync(GatewayUnderTest gateway, string path)
    {
        using var response = await gateway.Admin.PostAsync(path, null);
        Assert.Equal(200, (int)response.StatusCode);
        return JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync()).RootElement.Clone();
    }
}
