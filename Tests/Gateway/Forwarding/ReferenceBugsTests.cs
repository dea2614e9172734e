using System.Text;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>
/// What goes wrong in Noslate's own example gateways (https://github.com/noslate-project/noslate, examples/gateway/index.js), and
/// doesn't here. Callers that come from there shall find none of it.
/// </summary>
public sealed class ReferenceBugsTests(PlainGateway fixture) : FixtureTests<PlainGateway>(fixture)
{
    [SkippableFact]
    public async Task StatusAndHeaders_ComeBeforeTheBody_WhateverItsTiming()
    {
        for (var i = 0; i < 20; i++)
        {
            var response = await _gateway.SendAsync("GET", "/invoke/script", GatewayRequests.ScriptLine(
                ["head", 201, new Dictionary<string, object> { ["x-mine"] = "yes" }], ["write", "first"], ["end", "last"]));
            Assert.Equal((201, "yes", "firstlast", true), (response.Status, response.Header("x-mine"), response.Text, response.Whole));
        }

        Assert.Equal(new LedgerSnapshot(20, 20, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableTheory]
    [InlineData("application/json", "{\"a\": 1}")]
    [InlineData("application/json", "{ this is not json")]
    [InlineData("application/x-www-form-urlencoded", "a=1&b=2")]
    public async Task JsonOrFormBody_ReachesTheWorkerAsItCame(string type, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, type);
        using var response = await _gateway.Http.PostAsync(new Uri("/invoke/mirror", UriKind.Relative), content);
        Assert.Equal(body, Encoding.UTF8.GetString(Mirrored.Parse(await response.Content.ReadAsByteArrayAsync()).Body));
    }

    [SkippableFact]
    public async Task MissingTarget_404_AndNothingIsCalled()
    {
        var dispatched = Dispatched();
        var response = await _gateway.SendAsync("GET", "/", GatewayRequests.ScriptLine(["end"]));
        Assert.Equal("404 gateway no-route never", ProblemSeen.Of(response).ToString());
        Assert.Equal(new LedgerSnapshot(0, 0, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
        Assert.Equal(dispatched, Dispatched());
    }

    [SkippableFact]
    public async Task ErrorOfAFunction_BringsNoStackToTheCaller()
    {
        var response = await _gateway.SendAsync("GET", "/invoke/script", GatewayRequests.ScriptLine(["throw", "private words"]));
        Assert.Equal("502 worker function-error yes", ProblemSeen.Of(response).ToString());
        foreach (var telltale in new[] { "private words", ".js", "    at ", "Noslated", "dataPlane" })
        {
            Assert.DoesNotContain(telltale, response.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(response.Headers, h => h.Value.Contains(telltale, StringComparison.Ordinal));
        }

        Assert.Contains(_gateway.Log, l => l.Contains("private words", StringComparison.Ordinal) && l.Contains("index.js", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task RepeatedHeaders_AreNotJoined_EitherWay()
    {
        Assert.Equal(["1", "2"], Mirrored.Of(await _gateway.SendAsync("GET", "/invoke/mirror", "x-two: 1", "x-two: 2")).All("x-two"));
        var response = await _gateway.SendAsync("GET", "/invoke/script", GatewayRequests.ScriptLine(
            ["head", 200, new Dictionary<string, object> { ["set-cookie"] = new[] { "a=1, x", "b=2" } }], ["end"]));
        Assert.Equal(["a=1, x", "b=2"], response.All("set-cookie"));
    }

    [SkippableFact]
    public async Task HopByHopHeaders_AreNotPassedOn()
    {
        var seen = Mirrored.Of(await _gateway.SendAsync("GET", "/invoke/mirror", "Connection: x-hop", "X-Hop: 1", "Keep-Alive: 5", "Proxy-Authorization: secret"));
        Assert.DoesNotContain(seen.Headers, h => h[0] is "connection" or "x-hop" or "keep-alive" or "proxy-authorization");
    }

    [SkippableFact]
    public async Task ForwardedFor_IsThePeersAddress_NotOurOwn()
    {
        // The peer speaks from another loopback address than the one that the gateway listens on.
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        socket.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Parse("127.0.0.9"), 0));
        await socket.ConnectAsync(System.Net.IPAddress.Loopback, _gateway.Port);
        await using var stream = new System.Net.Sockets.NetworkStream(socket);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(GatewayRequests.Text("GET", "/invoke/mirror", "Connection: close")));
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var answer = await reader.ReadToEndAsync();
        var seen = Mirrored.Parse(Encoding.UTF8.GetBytes(answer[answer.IndexOf('{', StringComparison.Ordinal)..(answer.LastIndexOf('}') + 1)]));
        Assert.Equal("127.0.0.9", seen.Header("x-forwarded-for"));
    }

    private long Dispatched() => _gateway.Node!.GetStats().Functions.Sum(f => f.Dispatched);
}
