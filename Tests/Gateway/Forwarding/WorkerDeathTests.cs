using System.Globalization;
using System.Text;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>A worker process that ends at each moment of an invocation: the caller is told the truth, the books agree, and the next call is served.</summary>
public sealed class WorkerDeathTests(PlainGateway fixture) : FixtureTests<PlainGateway>(fixture)
{
    [SkippableFact]
    public async Task BeforeReading_502_Maybe()
    {
        using var connection = await UploadAsync(1_000_000, 0, ["exit"]);
        await EndsAsProblemAsync(connection);
    }

    [SkippableFact]
    public async Task WhileReadingTheUpload_502_Maybe()
    {
        using var connection = await UploadAsync(1_000_000, 5000, ["read-some", 5000], ["exit"]);
        await EndsAsProblemAsync(connection);
    }

    [SkippableFact]
    public async Task WhileReadingAnUploadThatKeepsComing_502_Maybe()
    {
        const int size = 64 * 1024 * 1024;
        using var connection = await UploadAsync(size, 0, ["read-some", 200_000], ["exit"]);
        var upload = SendUntilClosedAsync(connection, size);
        await EndsAsProblemAsync(connection);
        connection.Dispose();
        await upload;
    }

    [SkippableFact]
    public async Task AfterTheUploadBeforeTheHead_502_Maybe()
    {
        using var connection = await UploadAsync(5000, 5000, ["read"], ["exit"]);
        await EndsAsProblemAsync(connection);
    }

    [SkippableFact]
    public async Task AfterTheHead_ConnectionIsCut()
    {
        var go = Go();
        using var connection = await SendAsync(["head", 200], ["await", go], ["exit"]);
        Assert.Equal(200, (await connection.ReadHeadAsync()).Status);
        await File.WriteAllTextAsync(go, "");
        await EndsCutAsync(connection);
    }

    [SkippableFact]
    public async Task InMidBody_ConnectionIsCut()
    {
        var go = Go();
        using var connection = await SendAsync(["head", 200], ["write", "half"], ["await", go], ["exit"]);
        await connection.ReadHeadAsync();
        Assert.Equal("half", Encoding.UTF8.GetString((await connection.ReadChunkAsync())!));
        await File.WriteAllTextAsync(go, "");
        await EndsCutAsync(connection);
    }

    [SkippableFact]
    public async Task AfterTheLastByteBeforeTheEnd_Chunked_HasNoLastChunk()
    {
        var go = Go();
        using var connection = await SendAsync(["head", 200], ["write", "all of it"], ["await", go], ["exit"]);
        await connection.ReadHeadAsync();
        Assert.Equal("all of it", Encoding.UTF8.GetString((await connection.ReadChunkAsync())!));
        await File.WriteAllTextAsync(go, "");
        await EndsCutAsync(connection);
    }

    [SkippableFact]
    public async Task AfterTheLastByteBeforeTheEnd_WithLength_TheBodyIsWholeAndTheConnectionClosed()
    {
        var go = Go();
        using var connection = await SendAsync(["head", 200, new Dictionary<string, object> { ["content-length"] = "9" }], ["write", "all of it"], ["await", go], ["exit"]);
        var response = await connection.ReadAsync();
        Assert.Equal((200, "all of it", true), (response.Status, response.Text, response.Whole));
        await File.WriteAllTextAsync(go, "");
        Assert.True(await connection.IsClosedAsync());
        Assert.Equal(new LedgerSnapshot(1, 0, 1, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableFact]
    public async Task EveryCallInTheWorker_IsToldOfItsDeath()
    {
        var (running, go) = (_gateway.Flag("running-" + GatewayRequests.NewId()), Go());
        var waiting = _gateway.Http.SendAsync(GatewayUnderTest.Scripted(["touch", running], ["hang"]));
        await GatewayUnderTest.AppearsAsync(running);
        using var streaming = await SendAsync(["head", 200], ["write", "half"], ["hang"]);
        await streaming.ReadHeadAsync();
        await streaming.ReadChunkAsync();
        using var killer = await _gateway.Http.SendAsync(GatewayUnderTest.Scripted(["exit"]));
        Assert.Equal("worker-exited", (await ProblemSeen.OfAsync(killer)).Reason);
        using var waited = await waiting;
        Assert.Equal("502 worker worker-exited maybe", (await ProblemSeen.OfAsync(waited)).ToString());
        Assert.Null(await streaming.ReadChunkAsync());
        Assert.Equal(new LedgerSnapshot(3, 0, 3, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    private string Go() => _gateway.Flag("go-" + GatewayRequests.NewId());

    private async Task<RawConnection> SendAsync(params object[][] steps)
    {
        var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync(GatewayRequests.Text("GET", "/invoke/script", GatewayRequests.ScriptLine(steps)));
        return connection;
    }

    private async Task<RawConnection> UploadAsync(int length, int now, params object[][] steps)
    {
        var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync(GatewayRequests.Text(
            "POST", "/invoke/script", GatewayRequests.ScriptLine(steps), "Content-Length: " + length.ToString(CultureInfo.InvariantCulture)));
        await connection.SendAsync(new byte[now]);
        return connection;
    }

    private static async Task SendUntilClosedAsync(RawConnection connection, int size)
    {
        try
        {
            for (var sent = 0; sent < size; sent += 64 * 1024)
            {
                await connection.SendAsync(new byte[64 * 1024]);
            }
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or ObjectDisposedException)
        {
            // The gateway has answered and reads no further.
        }
    }

    private async Task EndsAsProblemAsync(RawConnection connection)
    {
        var problem = ProblemSeen.Of(await connection.ReadAsync());
        Assert.Equal("502 worker worker-exited maybe", problem.ToString());
        Assert.Equal(new LedgerSnapshot(1, 0, 1, 0, 0, 0), await _gateway.SinceAsync(_before));
        await NextIsServedAsync();
    }

    private async Task EndsCutAsync(RawConnection connection)
    {
        Assert.Null(await connection.ReadChunkAsync());
        Assert.True(await connection.IsClosedAsync());
        Assert.Equal(new LedgerSnapshot(1, 0, 1, 0, 0, 0), await _gateway.SinceAsync(_before));
        await NextIsServedAsync();
    }

    private async Task NextIsServedAsync()
    {
        using var next = await _gateway.Http.SendAsync(GatewayUnderTest.Scripted(["end", "served"]));
        Assert.Equal("served", await next.Content.ReadAsStringAsync());
    }
}
