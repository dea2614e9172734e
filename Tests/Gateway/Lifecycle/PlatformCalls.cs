using System.Net;
using System.Text.Json;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Lifecycle;

/// <summary>Calls as Function Compute makes them, from a peer that the gateway is told to take for it.</summary>
internal static class PlatformCalls
{
    public static readonly IPAddress Peer = IPAddress.Parse("127.0.0.9");

    /// <summary>
    /// The settings of a gateway in FunctionCompute mode that believes <see cref="Peer"/>. A busy machine may let the test's process itself stand still for
    /// longer than the usual second, and that would be a thaw too many.
    /// </summary>
    public static (string Key, string Value)[] Settings { get; } =
    [
        ("Platform:Mode", "FunctionCompute"), ("Platform:HookPeers", "127.0.0.9"), ("Platform:LogMarkers", "false"),
        ("Lifecycle:InstanceId", "c-test"), ("Lifecycle:ThawThreshold", "10s"), ("Routing:Default", "mirror"), ("Routing:ByHeader", "true"), ("Routing:ByPath", "true"),
    ];

    /// <summary>Sends what the platform sends for a lifecycle path.</summary>
    public static Task<RawResponse> CallAsync(this GatewayUnderTest gateway, string path, params string[] lines) =>
        gateway.FromAsync(Peer, path == "/initialize" ? "POST" : "GET", path, ["x-fc-request-id: fc-1", "x-fc-control-path: " + path, .. lines]);

    /// <summary>Sends a request without a body from an address.</summary>
    public static async Task<RawResponse> FromAsync(this GatewayUnderTest gateway, IPAddress from, string method, string target, params string[] lines)
    {
        using var connection = await RawConnection.OpenAsync(gateway.Port, from);
        if (method == "POST")
        {
            lines = [.. lines, "Content-Length: 0"];
        }

        await connection.SendAsync(GatewayRequests.Text(method, target, lines));
        return await connection.ReadAsync(head: method == "HEAD");
    }

    /// <summary>Parses a receipt, and checks the conservation law in it.</summary>
    public static JsonElement Receipt(RawResponse response)
    {
        Assert.Equal((200, "application/json"), (response.Status, response.Header("content-type")));
        var receipt = JsonDocument.Parse(response.Body).RootElement;
        Assert.Equal(
            Number("accepted"), Number("completed") + Number("failed") + Number("cancelled") + Number("abandoned") + Number("inFlight"));
        return receipt;

        long Number(string name) => receipt.GetProperty(name).GetInt64();
    }

    public static string Text(this JsonElement element, string name) => element.GetProperty(name).GetString()!;

    public static bool Flag(this JsonElement element, string name) => element.GetProperty(name).GetBoolean();

    public static string[] Steps(this JsonElement receipt) => [.. receipt.GetProperty("steps").EnumerateArray().Select(step => step.Text("step"))];
}
