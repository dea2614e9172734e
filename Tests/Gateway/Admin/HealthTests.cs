using System.Net;
using System.Text.Json;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Admin;

/// <summary>/healthz and /readyz.</summary>
public sealed class HealthTests
{
    [Fact]
    public async Task Healthz_AnswersWithoutANode()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        var (status, answer) = await GetAsync(gateway, "/healthz");
        Assert.Equal((200, "ok"), (status, answer.GetProperty("status").GetString()));
    }

    [Theory]
    [InlineData("/healthz", 200)]
    [InlineData("/readyz", 503)]
    public async Task Head_TellsTheStatusAlone(string path, int status)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        using var request = new HttpRequestMessage(HttpMethod.Head, path);
        using var response = await gateway.Admin.SendAsync(request);
        Assert.Equal((status, ""), ((int)response.StatusCode, await response.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Readyz_WithoutADataPlane_503_AndSaysSo()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        var (status, answer) = await GetAsync(gateway, "/readyz");
        Assert.Equal(503, status);
        Assert.False(answer.GetProperty("ready").GetBoolean());
        Assert.Contains("data plane", answer.GetProperty("missing").GetString(), StringComparison.Ordinal);
        Assert.False(answer.GetProperty("dataPlanes")[0].GetProperty("connected").GetBoolean());
    }

    [Fact]
    public async Task Readyz_WithAPlaneThatRefusesTheProfiles_503_AndSaysSo()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: [("Node:ReconnectMin", "5ms"), ("Node:ReconnectMax", "20ms")]);
        await using var plane = await FakePlane.StartAsync(Path.Combine(gateway.Directory, "socks", "dp-0.sock"));
        await Until.TrueAsync(() => gateway.Client.Status.Reachable, "the gateway did not connect");
        var (status, answer) = await GetAsync(gateway, "/readyz");
        Assert.Equal(503, status);
        Assert.Contains("the profiles are not set", answer.GetProperty("missing").GetString(), StringComparison.Ordinal);
        Assert.Equal("Pending", answer.GetProperty("profiles").GetProperty("state").GetString());
        Assert.True(answer.GetProperty("dataPlanes")[0].GetProperty("connected").GetBoolean());
    }

    [SkippableFact]
    public async Task Readyz_WithEverything_200_AndAfterTheDataPlaneIsGone_503()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        var (status, answer) = await GetAsync(gateway, "/readyz");
        Assert.Equal((200, true, JsonValueKind.Null), (status, answer.GetProperty("ready").GetBoolean(), answer.GetProperty("missing").ValueKind));
        Assert.Equal("Applied", answer.GetProperty("profiles").GetProperty("state").GetString());
        await gateway.Node!.StopDataPlaneAsync();
        await Until.TrueAsync(async () => (await GetAsync(gateway, "/readyz")).Status == 503, "/readyz stays at 200");
        Assert.Equal(200, (await GetAsync(gateway, "/healthz")).Status);
    }

    [SkippableFact]
    public async Task Readyz_StartedWithABadFunctionsFile_503_AndSaysWhatIsWrong_UntilItIsMended()
    {
        await using var gateway = await GatewayUnderTest.StartWithFileAsync("{ \"functions\": [ { \"name\": \"f\" ");
        await Until.TrueAsync(() => gateway.Client.Status.Reachable, "the gateway did not connect");
        var (status, answer) = await GetAsync(gateway, "/readyz");
        Assert.Equal(503, status);
        Assert.Contains("the functions file", answer.GetProperty("missing").GetString(), StringComparison.Ordinal);
        await gateway.WriteFunctionsAsync(GatewayUnderTest.StandardFunctions);
        await Until.TrueAsync(async () => (await GetAsync(gateway, "/readyz")).Status == 200, "/readyz stays at 503");
    }

    private static async Task<(int Status, JsonElement Answer)> GetAsync(GatewayUnderTest gateway, string path)
    {
        using var response = await gateway.Admin.GetAsync(new Uri(path, UriKind.Relative));
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        Assert.True(response.Headers.CacheControl?.NoStore);
        Assert.NotEqual(HttpStatusCode.NotFound, response.StatusCode);
        return ((int)response.StatusCode, JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement);
    }
}
