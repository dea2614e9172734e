using System.Net;
using System.Text.Json;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Admin;

/// <summary>GET /api/functions.</summary>
public sealed class FunctionsApiTests
{
    private static readonly Uri _address = new("/api/functions", UriKind.Relative);

    [SkippableFact]
    public async Task Answer_HasFunctionsWorkersServicesAndCounters_AndNoCredentials()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(
            [GatewayUnderTest.Function("mirror", "mirror", ("worker", new { maxActivateRequests = 7, replicaCountLimit = 3 })), GatewayUnderTest.Function("script")],
            [new { name = "front", type = "default", selector = new { functionName = "mirror" } }]);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await gateway.SettledAsync();
        var text = await gateway.Admin.GetStringAsync(_address);
        Assert.DoesNotContain("credential", text, StringComparison.OrdinalIgnoreCase);
        var answer = JsonDocument.Parse(text).RootElement;
        Assert.Equal(["mirror", "script"], answer.GetProperty("functions").EnumerateArray().Select(f => f.GetProperty("name").GetString()));
        var mirror = answer.GetProperty("functions")[0];
        Assert.Equal(
            ("nodejs", 7, 3, 0, 1, 0),
            (mirror.GetProperty("runtime").GetString(), mirror.GetProperty("maxActivateRequests").GetInt32(), mirror.GetProperty("replicaCountLimit").GetInt32(),
                mirror.GetProperty("starting").GetInt32(), mirror.GetProperty("ready").GetInt32(), mirror.GetProperty("stopping").GetInt32()));
        var worker = Assert.Single(mirror.GetProperty("workers").EnumerateArray());
        var real = Assert.Single(gateway.Node!.GetStats()["mirror"].Workers);
        Assert.Equal(
            (real.Name, real.Pid, "Ready", 0),
            (worker.GetProperty("name").GetString(), worker.GetProperty("processId").GetInt32(), worker.GetProperty("state").GetString(), worker.GetProperty("activeRequests").GetInt32()));
        Assert.Empty(answer.GetProperty("functions")[1].GetProperty("workers").EnumerateArray());
        var service = Assert.Single(answer.GetProperty("services").EnumerateArray());
        Assert.Equal(("front", "default"), (service.GetProperty("name").GetString(), service.GetProperty("type").GetString()));
        var counters = answer.GetProperty("invocations");
        Assert.Equal((1, 1, 0), (counters.GetProperty("accepted").GetInt32(), counters.GetProperty("completed").GetInt32(), counters.GetProperty("drift").GetInt32()));
        Assert.Empty(answer.GetProperty("errors").EnumerateArray());
        Assert.NotEqual(JsonValueKind.Null, answer.GetProperty("trafficAsOf").ValueKind);
        Assert.NotEqual(JsonValueKind.Null, answer.GetProperty("snapshotAsOf").ValueKind);
    }

    [Fact]
    public async Task WithoutANode_200_AndSaysWhatCouldNotBeRead()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        using var response = await gateway.Admin.GetAsync(_address);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        Assert.NotEmpty(answer.GetProperty("errors").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, answer.GetProperty("trafficAsOf").ValueKind);
    }

    [Fact]
    public async Task Post_405()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        using var response = await gateway.Admin.PostAsync(_address, content: null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
    }
}
