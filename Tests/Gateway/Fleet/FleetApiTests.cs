using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Common.Fleet;

namespace NoslateFleet.Tests.Gateway.Fleet;

/// <summary>What the admin port tells of the fleet.</summary>
public sealed class FleetApiTests
{
    [Fact]
    public async Task Fleet_IsListedWithStandings_CountsAndAges()
    {
        await using var it = await FleetGateway.StartAsync();
        await PublishAsync(it, Snapshots.Of(instance: "a"), Snapshots.Of(instance: "b", phase: InstancePhase.Draining));
        var (status, answer) = await it.GetAsync("/api/fleet");

        Assert.Equal(200, status);
        Assert.Equal((1, 1), (answer.GetProperty("counts").GetProperty("draining").GetInt32(), Lines(answer).Count(line => Text(line, "instanceId") == "b")));
        var a = Lines(answer).Single(line => Text(line, "instanceId") == "a");
        Assert.Equal(("Active", "Quiet", 15_000), (Text(a, "standing"), Text(a, "whenSilent"), a.GetProperty("silentAfterMs").GetInt64()));
        Assert.InRange(a.GetProperty("ageMs").GetInt64(), 0, 60_000);
    }

    [Fact]
    public async Task Fleet_IsReadPageByPage_EachInstanceOnce()
    {
        await using var it = await FleetGateway.StartAsync();
        await PublishAsync(it, [.. Enumerable.Range(0, 7).Select(i => Snapshots.Of(instance: "x" + i))]);
        var seen = new List<string>();
        string? after = "x";
        do
        {
            var (_, answer) = await it.GetAsync($"/api/fleet?limit=3&after={after}");
            seen.AddRange(Lines(answer).Select(line => Text(line, "instanceId")!));
            after = Text(answer, "after");
        }
        while (after is not null);

        Assert.Equal(Enumerable.Range(0, 7).Select(i => "x" + i), seen.Where(id => id.StartsWith('x')));
        Assert.Equal(seen.Distinct(), seen);
    }

    [Fact]
    public async Task Changes_AreToldSinceAVersion()
    {
        await using var it = await FleetGateway.StartAsync();
        await PublishAsync(it, Snapshots.Of(instance: "a"), Snapshots.Of(instance: "b"));
        var (_, all) = await it.GetAsync("/api/fleet?changesSince=none");
        Assert.False(all.GetProperty("more").GetBoolean());

        await PublishAsync(it, Snapshots.Of(instance: "b", sequence: 2));
        var (_, changes) = await it.GetAsync("/api/fleet?changesSince=" + Text(all, "version"));

        Assert.Contains("b", changes.GetProperty("changed").EnumerateArray().Select(line => Text(line, "instanceId")));
        Assert.DoesNotContain("a", changes.GetProperty("changed").EnumerateArray().Select(line => Text(line, "instanceId")));
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=1001")]
    [InlineData("limit=x")]
    [InlineData("limit=1&limit=2")]
    [InlineData("changesSince=x")]
    [InlineData("changesSince=a.-1")]
    [InlineData("changesSince=none&after=a")]
    public async Task ParameterThatIsNotUnderstood_IsRefused(string query)
    {
        await using var it = await FleetGateway.StartAsync();
        Assert.Equal("400 gateway bad-argument never", (await it.RefusedAsync(HttpMethod.Get, "/api/fleet?" + query)).ToString());
    }

    [Fact]
    public async Task Instance_IsToldWithFunctionsReceiptAndRecords()
    {
        await using var it = await FleetGateway.StartAsync();
        await PublishAsync(it, Snapshots.Full() with { InstanceId = "a/b c" });
        await it.Service<IFleetDirectory>().AppendAsync(
            "a/b c", [new InstanceRecord(RecordKind.Receipt, "boot-1", 1, DateTimeOffset.UnixEpoch, "{\"x\":1}"), new InstanceRecord(RecordKind.RecorderEvent, "boot-1", 1, DateTimeOffset.UnixEpoch, "no json")], default);

        var (status, answer) = await it.GetAsync("/api/fleet/instances/a%2Fb%20c");

        Assert.Equal((200, "Draining"), (status, Text(answer.GetProperty("instance"), "standing")));
        Assert.Equal(2, answer.GetProperty("functions").GetArrayLength());
        Assert.Equal("Clean", Text(answer.GetProperty("lastReceipt"), "verdict"));
        var records = answer.GetProperty("records").EnumerateArray().ToList();
        Assert.Equal(1, records[0].GetProperty("what").GetProperty("x").GetInt32());
        Assert.Equal(JsonValueKind.Null, records[1].GetProperty("what").ValueKind);
    }

    [Fact]
    public async Task UnknownInstance_Is404()
    {
        await using var it = await FleetGateway.StartAsync();
        Assert.Equal("404 gateway unknown-instance never", (await it.RefusedAsync(HttpMethod.Get, "/api/fleet/instances/nobody")).ToString());
        Assert.Equal(
            "404 gateway unknown-instance never",
            (await it.RefusedAsync(HttpMethod.Post, "/api/fleet/instances/nobody/orders", "{\"kind\":\"drain\"}")).ToString());
    }

    [Fact]
    public async Task DrainAndUndrain_OrderedByTheApi_AreCarriedOutByThisInstance()
    {
        await using var it = await FleetGateway.StartAsync([("Lifecycle:InstanceId", "me")]);
        await Until.TrueAsync(
            async () => await it.Service<IFleetDirectory>().ReadAsync("me", default) is not null, "the instance has not published itself");

        var (status, placed) = await it.PostAsync("/api/fleet/instances/me/orders", "{\"kind\":\"drain\",\"id\":\"d1\",\"expirySeconds\":600,\"by\":\"tests\"}");
        Assert.Equal((202, "d1", "Drain", "tests"), (status, Text(placed, "id"), Text(placed, "kind"), Text(placed, "by")));
        Assert.Equal(TimeSpan.FromMinutes(10), placed.GetProperty("expiresAt").GetDateTimeOffset() - placed.GetProperty("placedAt").GetDateTimeOffset());
        var drained = await ResultAsync(it, "d1");
        Assert.Equal("Done", Text(drained, "outcome"));
        Assert.Equal("order", Text(drained.GetProperty("receipt"), "cause"));
        Assert.Equal(InstancePhase.Stopped, it.Gateway.Lifecycle.State.Phase);

        await it.PostAsync("/api/fleet/instances/me/orders", "{\"kind\":\"undrain\",\"id\":\"u1\"}");
        Assert.Equal("Done", Text(await ResultAsync(it, "u1"), "outcome"));
        Assert.False(it.Gateway.Lifecycle.IsRefusing);
    }

    [Theory]
    [InlineData("{\"kind\":\"stop\"}")]
    [InlineData("{\"kind\":\"unknown\"}")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("{\"kind\":")]
    [InlineData("[1]")]
    [InlineData("{\"kind\":\"drain\",\"expirySeconds\":0}")]
    [InlineData("{\"kind\":\"drain\",\"expirySeconds\":2592001}")]
    [InlineData("{\"kind\":\"drain\",\"id\":\"\"}")]
    [InlineData("{\"kind\":\"drain\",\"id\":\"a b\"}")]
    [InlineData("{\"kind\":\"drain\",\"by\":\"a\\nb\"}")]
    public async Task OrderThatIsNotUnderstood_IsRefused(string body)
    {
        await using var it = await FleetGateway.StartAsync();
        await PublishAsync(it, Snapshots.Of(instance: "a"));
        Assert.Equal("400 gateway bad-argument never", (await it.RefusedAsync(HttpMethod.Post, "/api/fleet/instances/a/orders", body)).ToString());
        Assert.Empty(await it.Service<IFleetOrders>().ListAsync("a", default));
    }

    [Fact]
    public async Task BodyThatIsTooLong_Is413()
    {
        await using var it = await FleetGateway.StartAsync();
        var body = "{\"kind\":\"" + new string('x', 20_000) + "\"}";
        Assert.Equal("413 gateway body-too-large never", (await it.RefusedAsync(HttpMethod.Post, "/api/fleet/instances/a/orders", body)).ToString());
    }

    [Fact]
    public async Task DirectoryThatIsAway_Is503_AndItsAddressIsNotTold()
    {
        var away = new AwayDirectory();
        await using var it = await FleetGateway.StartAsync(services: services =>
        {
            services.AddSingleton<IFleetDirectory>(away);
            services.AddSingleton<IFleetOrders>(away);
            services.AddSingleton<IFleetProfiles>(away);
            services.AddSingleton<IFleetNotices>(away);
        });
        foreach (var path in new[] { "", "?changesSince=none", "/instances/a", "/instances/a/orders", "/profiles", "/profiles/history" })
        {
            Assert.Equal("503 gateway directory-unavailable never", (await it.RefusedAsync(HttpMethod.Get, "/api/fleet" + path)).ToString());
        }

        Assert.Equal(
            "503 gateway directory-unavailable maybe", (await it.RefusedAsync(HttpMethod.Put, "/api/fleet/profiles", "{}")).ToString());
        using var response = await it.Gateway.Admin.GetAsync("/api/fleet");
        Assert.DoesNotContain("10.1.2.3", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task FleetApi_NeedsTheToken_AsAllElse()
    {
        await using var it = await FleetGateway.StartAsync([("Platform:Mode", "Kubernetes"), ("Admin:Token", "secret")]);
        Assert.Equal(401, (await it.RefusedAsync(HttpMethod.Get, "/api/fleet")).Status);
        Assert.Equal(401, (await it.RefusedAsync(HttpMethod.Put, "/api/fleet/profiles", "{}")).Status);
    }

    [Fact]
    public async Task SimulatedFleet_IsSeen()
    {
        await using var it = await FleetGateway.StartAsync([("Fleet:Simulate", "30")]);
        await Until.TrueAsync(
            async () => Lines((await it.GetAsync("/api/fleet")).Answer).Count(line => Text(line, "instanceId")!.StartsWith("sim-", StringComparison.Ordinal)) == 30,
            "the simulated instances did not come");
    }

    [Fact]
    public async Task SimulatedFleet_IsRefusedInASharedDirectory()
    {
        var refused = await Assert.ThrowsAsync<ConfigurationErrorsException>(() => FleetGateway.StartAsync(
            [("Fleet:Simulate", "30")], services => services.AddSingleton<IFleetDirectory>(new AwayDirectory())));
        Assert.StartsWith("Fleet:Simulate = 30: must be 0", Assert.Single(refused.Errors), StringComparison.Ordinal);
    }

    internal static string? Text(JsonElement of, string name) => of.GetProperty(name).GetString();

    private static JsonElement.ArrayEnumerator Lines(JsonElement answer) => answer.GetProperty("instances").EnumerateArray();

    private static async Task PublishAsync(FleetGateway it, params InstanceSnapshot[] snapshots)
    {
        foreach (var snapshot in snapshots)
        {
            var result = await it.Service<IFleetDirectory>().PublishAsync(snapshot, default);
            Assert.Equal(PublishOutcome.Published, result.Outcome);
        }
    }

    private static async Task<JsonElement> ResultAsync(FleetGateway it, string order)
    {
        var result = default(JsonElement);
        await Until.TrueAsync(
            async () =>
            {
                var (_, answer) = await it.GetAsync("/api/fleet/instances/me/orders");
                result = answer.GetProperty("orders").EnumerateArray().Single(state => Text(state, "id") == order).GetProperty("result");
                return result.ValueKind == JsonValueKind.Object;
            },
            $"order {order} has no result");
        return result;
    }
}
