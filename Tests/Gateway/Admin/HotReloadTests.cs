using System.Text.Json;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Admin;

/// <summary>The functions file changes while the gateway runs.</summary>
public sealed class HotReloadTests
{
    [SkippableFact]
    public async Task FunctionIsAdded_IsServed_AndRemoved_IsUnknown()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        Assert.Equal("unknown-function", ProblemSeen.Of(await gateway.SendAsync("GET", "/invoke/later")).Reason);
        await gateway.WriteFunctionsAsync([.. GatewayUnderTest.StandardFunctions, GatewayUnderTest.Function("mirror", "later")]);
        await Until.TrueAsync(async () => (await gateway.SendAsync("GET", "/invoke/later")).Status == 200, "the added function is not served");
        await gateway.WriteFunctionsAsync(GatewayUnderTest.StandardFunctions);

        // A request that comes while the last worker is being stopped may be left waiting.
        await Until.TrueAsync(
            async () => await gateway.SendAsync("GET", "/invoke/later", "x-noslate-timeout-ms: 500") is { Status: 404 } gone && ProblemSeen.Of(gone).Reason == "unknown-function",
            "the removed function is still served");
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await gateway.SettledAsync();
    }

    [SkippableTheory]
    [InlineData("{ \"functions\": [", "half-written")]
    [InlineData("{ \"functions\": [ { \"name\": \"mirror\", \"runtime\": \"deno\", \"url\": \"file:./x\", \"signature\": \"1\", \"handler\": \"a.b\" } ] }", "deno")]
    public async Task BadFile_ChangesNothing_AndSaysWhy(string content, string what)
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        var version = gateway.Client.Status.Profiles.Version;
        await File.WriteAllTextAsync(gateway.FunctionsPath, content);
        JsonElement answer = default;
        await Until.TrueAsync(
            async () =>
            {
                answer = JsonDocument.Parse(await gateway.Admin.GetStringAsync(new Uri("/readyz", UriKind.Relative))).RootElement;
                return answer.GetProperty("functionsFileError").ValueKind == JsonValueKind.String;
            },
            what + ": /readyz says nothing of it");
        var why = answer.GetProperty("functionsFileError").GetString()!;
        Assert.True(answer.GetProperty("ready").GetBoolean());
        Assert.Equal(version, answer.GetProperty("profiles").GetProperty("version").GetString());
        await NoslateFleet.Tests.Common.Until.TrueAsync(
            () => gateway.Log.Any(l => l.Contains("cannot be used", StringComparison.Ordinal) && l.Contains(why, StringComparison.Ordinal)),
            "the log does not say why");
        if (what == "deno")
        {
            Assert.Contains("functions[0] \"mirror\": runtime is \"deno\"", why, StringComparison.Ordinal);
        }

        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await gateway.WriteFunctionsAsync(GatewayUnderTest.StandardFunctions);
        await Until.TrueAsync(
            async () => JsonDocument.Parse(await gateway.Admin.GetStringAsync(new Uri("/readyz", UriKind.Relative))).RootElement
                .GetProperty("functionsFileError").ValueKind == JsonValueKind.Null,
            "the mended file is still complained of");
    }
}
