using System.Text.Json;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Fleet;

/// <summary>The fleet's profiles by the admin port: checked, versioned, applied, rolled back.</summary>
public sealed class FleetProfilesApiTests
{
    private const string Path = "/api/fleet/profiles";

    [Fact]
    public async Task WithoutAny_TheVersionIs0()
    {
        await using var it = await FleetGateway.StartAsync();
        var (status, answer) = await it.GetAsync(Path);
        Assert.Equal((200, 0, JsonValueKind.Null), (status, answer.GetProperty("version").GetInt64(), answer.GetProperty("text").ValueKind));
    }

    [Fact]
    public async Task ProfilesThatAreSet_AreAppliedByTheInstance_InPlaceOfItsFile()
    {
        await using var it = await FleetGateway.StartAsync();
        var (status, answer) = await it.SendAsync(HttpMethod.Put, Path + "?by=tests", Profiles("fleet-a"));

        Assert.Equal((200, 1, "tests"), (status, answer.GetProperty("version").GetInt64(), answer.GetProperty("by").GetString()));
        await ServesAsync(it, "fleet-a");
        await Until.TrueAsync(() => it.Service<IFleetProfileState>().Version == 1, "the version is not told");

        await Until.TrueAsync(
            async () => (await it.GetAsync("/api/fleet")).Answer.GetProperty("instances").EnumerateArray()
                .Any(line => line.GetProperty("fleetProfileVersion") is { ValueKind: JsonValueKind.Number } version && version.GetInt64() == 1),
            "the version is not in the snapshot");

        // The own file may change: it does not hold.
        await it.Gateway.WriteFunctionsAsync([GatewayUnderTest.Function("mirror", "own")]);
        await it.SendAsync(HttpMethod.Put, Path, Profiles("fleet-b"));
        await ServesAsync(it, "fleet-b");
    }

    [Fact]
    public async Task ProfilesThatAreTakenAway_LeaveTheOwnFile()
    {
        await using var it = await FleetGateway.StartAsync();
        await it.SendAsync(HttpMethod.Put, Path, Profiles("fleet-a"));
        await ServesAsync(it, "fleet-a");

        var (status, answer) = await it.SendAsync(HttpMethod.Delete, Path);

        Assert.Equal((200, 2, JsonValueKind.Null), (status, answer.GetProperty("version").GetInt64(), answer.GetProperty("bytes").ValueKind));
        await ServesAsync(it, "mirror", "script");
        await Until.TrueAsync(() => it.Service<IFleetProfileState>().Version is null, "a version is still told");
    }

    [Fact]
    public async Task ProfilesThatCannotBeUsed_AreNotStored()
    {
        await using var it = await FleetGateway.StartAsync();
        var refused = await it.RefusedAsync(HttpMethod.Put, Path, "{\"functions\":[{\"name\":\"\"}]}");
        Assert.Equal("422 gateway profiles-invalid never", refused.ToString());
        Assert.Equal(0, (await it.GetAsync(Path)).Answer.GetProperty("version").GetInt64());
    }

    [Fact]
    public async Task OtherVersionThanExpected_Is409_ByHeaderAndByParameter()
    {
        await using var it = await FleetGateway.StartAsync();
        await it.SendAsync(HttpMethod.Put, Path, Profiles("a"), ifMatch: "\"0\"");
        Assert.Equal("409 gateway version-conflict never", (await it.RefusedAsync(HttpMethod.Put, Path, Profiles("b"), ifMatch: "\"0\"")).ToString());
        Assert.Equal("409 gateway version-conflict never", (await it.RefusedAsync(HttpMethod.Put, Path + "?expectedVersion=2", Profiles("b"))).ToString());
        Assert.Equal("409 gateway version-conflict never", (await it.RefusedAsync(HttpMethod.Delete, Path, ifMatch: "0")).ToString());
        Assert.Equal(200, (await it.SendAsync(HttpMethod.Put, Path + "?expectedVersion=1", Profiles("b"))).Status);
        Assert.Equal(200, (await it.SendAsync(HttpMethod.Put, Path, Profiles("c"), ifMatch: "*")).Status);
    }

    [Theory]
    [InlineData("?expectedVersion=-1", null)]
    [InlineData("?expectedVersion=1", "2")]
    [InlineData("", "abc")]
    [InlineData("?by=a%0Ab", null)]
    public async Task ParameterThatIsNotUnderstood_IsRefused(string query, string? ifMatch)
    {
        await using var it = await FleetGateway.StartAsync();
        Assert.Equal("400 gateway bad-argument never", (await it.RefusedAsync(HttpMethod.Put, Path + query, "{}", ifMatch)).ToString());
    }

    [Fact]
    public async Task Validation_TellsAllThatIsWrong_AndStoresNothing()
    {
        await using var it = await FleetGateway.StartAsync();
        var (status, bad) = await it.PostAsync(Path + "/validate", "{\"functions\":[{\"name\":\"\"}],\"servises\":[]}");
        Assert.Equal((200, false), (status, bad.GetProperty("valid").GetBoolean()));
        Assert.True(bad.GetProperty("errors").GetArrayLength() > 1);
        var (_, good) = await it.PostAsync(Path + "/validate", Profiles("a"));
        Assert.Equal((true, 1), (good.GetProperty("valid").GetBoolean(), good.GetProperty("functions").GetInt32()));
        Assert.Equal(0, (await it.GetAsync(Path)).Answer.GetProperty("version").GetInt64());
    }

    [Fact]
    public async Task RollBack_SetsAnEarlierTextAgain_AsANewVersion()
    {
        await using var it = await FleetGateway.StartAsync();
        await it.SendAsync(HttpMethod.Put, Path, Profiles("a"));
        await it.SendAsync(HttpMethod.Put, Path, Profiles("b"));

        var (status, answer) = await it.PostAsync(Path + "/rollback", "{\"version\":1,\"expectedVersion\":2,\"by\":\"tests\"}");

        Assert.Equal((200, 3, 1), (status, answer.GetProperty("version").GetInt64(), answer.GetProperty("rolledBackTo").GetInt64()));
        await ServesAsync(it, "a");
        Assert.Equal(
            (await it.GetAsync(Path + "?version=1")).Answer.GetProperty("text").GetString(), (await it.GetAsync(Path)).Answer.GetProperty("text").GetString());
        var (_, history) = await it.GetAsync(Path + "/history");
        Assert.Equal([3, 2, 1], history.GetProperty("versions").EnumerateArray().Select(v => v.GetProperty("version").GetInt64()));
    }

    [Theory]
    [InlineData("{\"version\":1,\"expectedVersion\":-1}", null)]
    [InlineData("{\"version\":1,\"expectedVersion\":2}", "\"1\"")]
    [InlineData("{\"version\":1,\"expectedVerison\":2}", null)]
    public async Task RollBack_WithAGuardThatIsNotUnderstood_IsRefused(string body, string? ifMatch)
    {
        await using var it = await FleetGateway.StartAsync();
        await it.SendAsync(HttpMethod.Put, Path, Profiles("a"));
        await it.SendAsync(HttpMethod.Put, Path, Profiles("b"));
        Assert.Equal("400 gateway bad-argument never", (await it.RefusedAsync(HttpMethod.Post, Path + "/rollback", body, ifMatch)).ToString());
        Assert.Equal(2, (await it.GetAsync(Path)).Answer.GetProperty("version").GetInt64());
    }

    [Fact]
    public async Task RollOutsAndRollBacksAtTheSameTime_FromOneVersion_OneIsSet_AndTheOthersAreTold()
    {
        await using var it = await FleetGateway.StartAsync();
        Assert.Equal([200, .. Enumerable.Repeat(409, 7)], await TogetherAsync(i => it.SendAsync(HttpMethod.Put, Path, Profiles("a" + i), ifMatch: "\"0\"")));
        Assert.Equal([200, .. Enumerable.Repeat(409, 7)], await TogetherAsync(i => i % 2 == 0
            ? it.PostAsync(Path + "/rollback", "{\"version\":1,\"expectedVersion\":1}")
            : it.SendAsync(HttpMethod.Put, Path, Profiles("b" + i), ifMatch: "\"1\"")));
        Assert.Equal(2, (await it.GetAsync(Path)).Answer.GetProperty("version").GetInt64());

        // Repeated without a guard each is one more version.
        Assert.Equal(Enumerable.Repeat(200, 8), await TogetherAsync(_ => it.PostAsync(Path + "/rollback", "{\"version\":1}")));
        Assert.Equal(10, (await it.GetAsync(Path)).Answer.GetProperty("version").GetInt64());

        static async Task<IEnumerable<int>> TogetherAsync(Func<int, Task<(int Status, JsonElement Answer)>> one) =>
            (await Task.WhenAll(Enumerable.Range(0, 8).Select(one))).Select(static answer => answer.Status).Order();
    }

    [Fact]
    public async Task RollBack_ToAVersionThatIsNotKept_Is404()
    {
        await using var it = await FleetGateway.StartAsync();
        for (var i = 0; i < IFleetProfiles.KeptVersions + 1; i++)
        {
            await it.SendAsync(HttpMethod.Put, Path, Profiles("a" + i));
        }

        Assert.Equal("404 gateway unknown-version never", (await it.RefusedAsync(HttpMethod.Post, Path + "/rollback", "{\"version\":1}")).ToString());
        Assert.Equal("400 gateway bad-argument never", (await it.RefusedAsync(HttpMethod.Post, Path + "/rollback", "{}")).ToString());
        Assert.Equal(200, (await it.PostAsync(Path + "/rollback", "{\"version\":2}")).Status);
    }

    private static string Profiles(string name) => JsonSerializer.Serialize(new { functions = new[] { GatewayUnderTest.Function("mirror", name) } });

    private static Task ServesAsync(FleetGateway it, params string[] names) => Until.TrueAsync(
        () => it.Gateway.Client.Profiles is { } profiles && profiles.Functions.Select(function => function.Name).SequenceEqual(names),
        $"the node was not given {string.Join(", ", names)}");
}
