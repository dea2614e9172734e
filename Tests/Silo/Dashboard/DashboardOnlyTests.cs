using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Common.Fleet;
using NoslateFleet.Tests.Silo.Hosting;

namespace NoslateFleet.Tests.Silo.Dashboard;

/// <summary>The fleet's API beside a fleet, without an instance: the same as an instance's.</summary>
public sealed class DashboardOnlyTests
{
    private const string File = """{ "functions": [] }""";

    [SkippableFact]
    public async Task Fleet_IsTheSameAnswer_AsAnInstanceGives()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var instance = await IslandAsync(redis, "a-1");
        await using var it = await DashboardUnderTest.StartAsync(redis);
        await ListedAsync(it, "a-1");

        var (status, fleet, _) = await it.SendAsync("GET", "/api/fleet?limit=1");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal((1, 1), (fleet.GetProperty("total").GetInt32(), fleet.GetProperty("counts").GetProperty("active").GetInt32()));
        var line = Assert.Single(fleet.GetProperty("instances").EnumerateArray());
        Assert.Equal(("Active", "Island"), (line.GetProperty("standing").GetString(), line.GetProperty("topology").GetString()));
        Assert.Equal(1, line.GetProperty("epoch").GetInt32());

        var (_, changes, _) = await it.SendAsync("GET", "/api/fleet?changesSince=none");
        Assert.Single(changes.GetProperty("changed").EnumerateArray());
        var since = changes.GetProperty("version").GetString();
        var (_, after, _) = await it.SendAsync("GET", "/api/fleet?changesSince=" + since);
        Assert.False(after.GetProperty("reset").GetBoolean());

        var (_, one, _) = await it.SendAsync("GET", "/api/fleet/instances/a-1");
        Assert.Equal("a-1", one.GetProperty("instance").GetProperty("instanceId").GetString());
        Assert.NotEmpty(one.GetProperty("records").EnumerateArray());
    }

    [SkippableFact]
    public async Task Events_TellOfAnInstanceThatDrains()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var instance = await IslandAsync(redis, "a-1");
        await using var it = await DashboardUnderTest.StartAsync(redis);
        await ListedAsync(it, "a-1");
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        using var response = await it.Client.GetAsync("/api/fleet/events", HttpCompletionOption.ResponseHeadersRead, limit.Token);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(limit.Token));
        await AwaitAsync("\"phase\":\"Starting\"");
        await it.SendAsync("POST", "/api/fleet/instances/a-1/orders", new { kind = "drain" });
        await AwaitAsync("\"phase\":\"Stopped\"");

        async Task AwaitAsync(string part)
        {
            while (await reader.ReadLineAsync(limit.Token) is { } said)
            {
                if (said.StartsWith("data: ", StringComparison.Ordinal) && said.Contains(part, StringComparison.Ordinal))
                {
                    return;
                }
            }

            Assert.Fail("the stream has ended");
        }
    }

    [SkippableFact]
    public async Task OnAnIsland_OrdersGoByTheDirectory_AndAnIdGivenTwiceIsOneOrder()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var instance = await IslandAsync(redis, "a-1");
        await using var it = await DashboardUnderTest.StartAsync(redis);
        await ListedAsync(it, "a-1");
        var order = new { kind = "drain", id = "deploy-42", by = "night shift" };

        var (status, placed, _) = await it.SendAsync("POST", "/api/fleet/instances/a-1/orders", order);
        Assert.Equal((HttpStatusCode.Accepted, "night shift"), (status, placed.GetProperty("by").GetString()));
        Assert.Equal(HttpStatusCode.Accepted, (await it.SendAsync("POST", "/api/fleet/instances/a-1/orders", order)).Status);

        Assert.Equal("Done", await it.OutcomeAsync("a-1", "deploy-42"));
        Assert.Equal(1, Drains(instance));
        Assert.Equal(InstancePhase.Stopped, instance.Services.GetRequiredService<InstanceLifecycle>().State.Phase);
    }

    [SkippableFact]
    public async Task Profiles_AreValidated_Set_AndRolledBack()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var it = await DashboardUnderTest.StartAsync(redis);
        Assert.Equal("\"0\"", (await it.SendAsync("GET", "/api/fleet/profiles")).Response.Headers.ETag!.Tag);
        Assert.True((await it.SendAsync("POST", "/api/fleet/profiles/validate", File)).Answer.GetProperty("valid").GetBoolean());
        Assert.False((await it.SendAsync("POST", "/api/fleet/profiles/validate", "{}x")).Answer.GetProperty("valid").GetBoolean());
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await it.SendAsync("PUT", "/api/fleet/profiles", """{ "functions": [ { } ] }""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await it.SendAsync("PUT", "/api/fleet/profiles", File, ifMatch: "\"0\"")).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await it.SendAsync("PUT", "/api/fleet/profiles", File, ifMatch: "\"0\"")).Status);
        Assert.Equal(HttpStatusCode.OK, (await it.SendAsync("DELETE", "/api/fleet/profiles")).Status);
        var (_, rolled, _) = await it.SendAsync("POST", "/api/fleet/profiles/rollback", new { version = 1 });
        Assert.Equal((3, 1), (rolled.GetProperty("version").GetInt32(), rolled.GetProperty("rolledBackTo").GetInt32()));
        Assert.Equal(3, (await it.SendAsync("GET", "/api/fleet/profiles/history")).Answer.GetProperty("versions").GetArrayLength());
        Assert.Equal(File, (await it.SendAsync("GET", "/api/fleet/profiles")).Answer.GetProperty("text").GetString());
    }

    [SkippableFact]
    public async Task Tokens_HaveTheirRoles_AndRefusalsAreProblems()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var it = await DashboardUnderTest.StartAsync(
            redis,
            "--Platform:Mode=Kubernetes",
            "--Admin:Token=the-single-one",
            "--Admin:Tokens:0:Name=wall",
            "--Admin:Tokens:0:Token=for-reading",
            "--Admin:Tokens:0:Role=read");
        await RefusedAsync(HttpStatusCode.Unauthorized, "unauthorized", "GET", "/api/fleet", null);
        await RefusedAsync(HttpStatusCode.Unauthorized, "unauthorized", "GET", "/api/fleet/profiles", "wrong");
        Assert.Equal(HttpStatusCode.OK, (await it.SendAsync("GET", "/api/fleet", token: "for-reading")).Status);
        await RefusedAsync(HttpStatusCode.Forbidden, "forbidden", "PUT", "/api/fleet/profiles", "for-reading");
        await RefusedAsync(HttpStatusCode.Forbidden, "forbidden", "POST", "/api/fleet/instances/a-1/orders", "for-reading");
        Assert.Equal(HttpStatusCode.OK, (await it.SendAsync("PUT", "/api/fleet/profiles", File, "the-single-one")).Status);

        async Task RefusedAsync(HttpStatusCode status, string reason, string method, string path, string? token)
        {
            var (told, problem, response) = await it.SendAsync(method, path, method == "GET" ? null : File, token);
            Assert.Equal((status, "application/problem+json"), (told, response.Content.Headers.ContentType!.MediaType));
            Assert.Equal(reason, problem.GetProperty("reason").GetString());
        }
    }

    [SkippableFact]
    public async Task WhatOnlyAnInstanceCanAnswer_IsNotThere_NorInTheDescription()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var it = await DashboardUnderTest.StartAsync(redis);
        foreach (var path in new[] { "/api/instance", "/api/functions", "/api/configuration", "/api/workers" })
        {
            Assert.Equal(HttpStatusCode.NotFound, (await it.SendAsync("GET", path)).Status);
        }

        var (_, description, _) = await it.SendAsync("GET", "/api/openapi.json");
        Assert.Equal(
            [
                "/api/fleet", "/api/fleet/events", "/api/fleet/instances/{id}", "/api/fleet/instances/{id}/orders", "/api/fleet/profiles",
                "/api/fleet/profiles/history", "/api/fleet/profiles/rollback", "/api/fleet/profiles/validate",
            ],
            description.GetProperty("paths").EnumerateObject().Select(static path => path.Name).Order(StringComparer.Ordinal));
    }

    [SkippableFact]
    public async Task DirectoryAway_IsAProblem_ThatTellsWhetherItWasDone()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var it = await DashboardUnderTest.StartAsync(redis);
        Assert.Equal(HttpStatusCode.OK, (await it.SendAsync("GET", "/readyz")).Status);
        redis.Kill();
        var (notReady, why, _) = await it.SendAsync("GET", "/readyz");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "the fleet's directory can't be reached; the log tells why"), (notReady, why.GetProperty("detail").GetString()));
        Assert.Equal(HttpStatusCode.OK, (await it.SendAsync("GET", "/healthz")).Status);
        var (status, problem, response) = await it.SendAsync("GET", "/api/fleet");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "application/problem+json"), (status, response.Content.Headers.ContentType!.MediaType));
        Assert.Equal(("directory-unavailable", "never"), (problem.GetProperty("reason").GetString(), problem.GetProperty("executed").GetString()));
        Assert.Equal("maybe", (await it.SendAsync("PUT", "/api/fleet/profiles", File)).Answer.GetProperty("executed").GetString());
    }

    [SkippableFact]
    public async Task InAMesh_OrdersOfTheApi_AreBroughtByTheGrain_AndCarriedOutOnce()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var instance = await SiloUnderTest.StartMeshAsync(redis, "one");
        await instance.UpAsync();
        await using var it = await DashboardUnderTest.StartAsync(redis, "--Silo:Topology=Mesh");
        await ListedAsync(it, "one");
        var order = new { kind = "drain", id = "o-1" };
        Assert.Equal(HttpStatusCode.Accepted, (await it.SendAsync("POST", "/api/fleet/instances/one/orders", order)).Status);

        // By the grain it has begun before the answer, whatever notices do.
        Assert.NotNull(instance.Services.GetRequiredService<InstanceLifecycle>().Stopping);
        Assert.Equal("Done", await it.OutcomeAsync("one", "o-1"));
        Assert.Equal(HttpStatusCode.Accepted, (await it.SendAsync("POST", "/api/fleet/instances/one/orders", order)).Status);
        Assert.Equal(1, Drains(instance));
        Assert.Equal(HttpStatusCode.Accepted, (await it.SendAsync("POST", "/api/fleet/instances/one/orders", new { kind = "undrain", id = "o-2" })).Status);
        Assert.Equal("Done", await it.OutcomeAsync("one", "o-2"));
        Assert.Equal(InstancePhase.Starting, instance.Services.GetRequiredService<InstanceLifecycle>().State.Phase);
    }

    [SkippableFact]
    public async Task InAMesh_TheDashboardsButton_DrainsByTheGrain()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var instance = await SiloUnderTest.StartMeshAsync(redis, "one");
        await instance.UpAsync();
        await using var it = await DashboardUnderTest.StartAsync(redis, "--Silo:Topology=Mesh");
        await ListedAsync(it, "one");
        string page = "";
        await Until.TrueAsync(
            async () =>
            {
                using var asked = await it.Client.GetAsync("/dashboard/order?id=one&kind=Drain");
                page = await asked.Content.ReadAsStringAsync();
                return asked.StatusCode == HttpStatusCode.OK;
            },
            "the dashboard does not know the instance");
        using var form = new FormUrlEncodedContent(
            Regex.Matches(page, "<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"").Select(static field => KeyValuePair.Create(field.Groups[1].Value, field.Groups[2].Value)));
        using var answer = await it.Client.PostAsync("/dashboard/order", form);
        Assert.Equal(HttpStatusCode.SeeOther, answer.StatusCode);
        Assert.NotNull(instance.Services.GetRequiredService<InstanceLifecycle>().Stopping);
        await Until.TrueAsync(() => instance.Services.GetRequiredService<InstanceLifecycle>().State.Phase == InstancePhase.Stopped, "it does not drain");
        Assert.Equal(1, Drains(instance));
    }

    [SkippableFact]
    public async Task InAMesh_AnInstanceThatCannotBeReached_HasItsOrderInTheDirectory()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var it = await DashboardUnderTest.StartAsync(redis, "--Silo:Topology=Mesh");
        await PublishAsync(it, "ghost");

        // No cluster is there at all; then one is, without the instance.
        Assert.Equal(HttpStatusCode.Accepted, (await it.SendAsync("POST", "/api/fleet/instances/ghost/orders", new { kind = "drain", id = "o-1" })).Status);
        await using var other = await SiloUnderTest.StartMeshAsync(redis, "other");
        await other.UpAsync();
        Assert.Equal(HttpStatusCode.Accepted, (await it.SendAsync("POST", "/api/fleet/instances/ghost/orders", new { kind = "undrain", id = "o-2" })).Status);
        var (_, answer, _) = await it.SendAsync("GET", "/api/fleet/instances/ghost/orders");
        Assert.Equal(["o-1", "o-2"], answer.GetProperty("orders").EnumerateArray().Select(static one => one.GetProperty("id").GetString()));
        Assert.All(answer.GetProperty("orders").EnumerateArray(), static one => Assert.Equal(JsonValueKind.Null, one.GetProperty("result").ValueKind));
    }

    private static int Drains(SiloUnderTest instance) => instance.Services.GetRequiredService<InstanceLifecycle>().Recorder.After(0)
        .Count(static flight => flight.Kind == "order" && flight.Detail?.StartsWith("drain, by ", StringComparison.Ordinal) == true);

    private static Task<SiloUnderTest> IslandAsync(RedisServer redis, string id) =>
        SiloUnderTest.StartAsync("--Silo:Topology=Island", "--Redis:Endpoints=" + redis.Endpoint, "--Lifecycle:InstanceId=" + id);

    private static Task ListedAsync(DashboardUnderTest it, string id) => Until.TrueAsync(
        async () => (await it.SendAsync("GET", "/api/fleet/instances/" + id)).Answer is { ValueKind: JsonValueKind.Object } answer
            && answer.TryGetProperty("instance", out var line) && line.GetProperty("phase").GetString() == "Starting",
        $"{id} is not in the directory");

    private static async Task PublishAsync(DashboardUnderTest it, string id) => await it.Services.GetRequiredService<IFleetDirectory>().PublishAsync(
        Snapshots.Of("boot", instance: id) with { AsOf = DateTimeOffset.UtcNow, Topology = FleetTopology.Mesh }, CancellationToken.None);
}
