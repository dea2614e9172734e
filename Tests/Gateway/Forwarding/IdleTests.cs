using System.Text;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>Bodies end by the idle limit, and by nothing else. The clock is put forward by the tests.</summary>
public sealed class IdleTests(SharedGateway shared) : SharedGatewayTests(shared)
{
    // The default of Forwarding:IdleTimeout is 60 s.
    private static readonly TimeSpan _most = TimeSpan.FromSeconds(45);

    // Much more than all buffers on the way hold, in pieces that the node takes.
    private static readonly object[][] _large = [.. Enumerable.Repeat<object[]>(["bytes", 8 << 20], 8)];

    // One clock for the class, as its gateway: tests of a class run one after the other.
    private static readonly JumpingTime _time = new();

    internal override Task<GatewayUnderTest> StartAsync() => GatewayUnderTest.StartAsync(
        settings:
        [
            ("Routing:Routes:0:PathPrefix", "/short"), ("Routing:Routes:0:Function", "script"), ("Routing:Routes:0:IdleTimeout", "5s"),
            ("Routing:Routes:1:PathPrefix", "/endless"), ("Routing:Routes:1:Function", "script"), ("Routing:Routes:1:IdleTimeout", "none"),
        ],
        time: _time);

    [SkippableFact]
    public async Task NoByteEitherWay_CutsTheAnswer_OutcomeFailed_CallGone()
    {
        using var connection = await BeginAsync("/invoke/script", "GET", "", ["head", 200], ["write", "x"], ["hang"]);
        await JumpUntilCutAsync(connection, _most);
        Assert.Equal(new Ended(0, 1, 0), await EndedAsync());
        Assert.Contains(Gateway.Log, line => line.Contains("cut off by the idle timeout", StringComparison.Ordinal));
        await Until.TrueAsync(() => Gateway.Node!.GetStats()["script"].Active == 0, "the worker's place is not given back");
    }

    [SkippableFact]
    public async Task ResponseMoves_IsNotCut_HoweverLong()
    {
        string[] go = [Flag(), Flag(), Flag(), Flag()];
        using var connection = await BeginAsync(
            "/invoke/script", "GET", "",
            [["head", 200], ["write", "x"], .. go.SelectMany<string, object[]>(flag => [["await", flag], ["write", "x"]]), ["end"]]);
        foreach (var flag in go)
        {
            _time.Jump(_most);
            Raise(flag);
            Assert.Single((await connection.ReadChunkAsync())!);
        }

        Assert.Empty((await connection.ReadChunkAsync())!);
        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task UploadMoves_KeepsASilentResponseAlive()
    {
        string[] seen = [Flag(), Flag(), Flag(), Flag()];
        using var connection = await BeginAsync(
            "/invoke/script", "POST", "Content-Length: 4\r\n",
            [["head", 200], ["write", "x"], .. seen.SelectMany<string, object[]>(flag => [["read-some", 1], ["touch", flag]]), ["end"]]);
        foreach (var flag in seen)
        {
            _time.Jump(_most);
            await connection.SendAsync("u");
            await GatewayUnderTest.AppearsAsync(flag);
        }

        Assert.Empty((await connection.ReadChunkAsync())!);
        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task ResponseMoves_KeepsASilentUploadAlive()
    {
        string[] go = [Flag(), Flag(), Flag(), Flag()];
        using var connection = await BeginAsync(
            "/invoke/script", "POST", "Content-Length: 4\r\n",
            [["head", 200], ["write", "x"], .. go.SelectMany<string, object[]>(flag => [["await", flag], ["write", "x"]]), ["read"], ["end-total"]]);
        foreach (var flag in go)
        {
            _time.Jump(_most);
            Raise(flag);
            Assert.Single((await connection.ReadChunkAsync())!);
        }

        await connection.SendAsync("four");
        Assert.Equal("4", Encoding.UTF8.GetString((await connection.ReadChunkAsync())!));
        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task ClientThatDoesNotRead_IsCut_OutcomeFailed()
    {
        using var connection = await OpenAsync();
        await connection.SendAsync(Head("", [["head", 200], .. _large, ["end"]]));
        await connection.ReadHeadAsync();
        await Until.TrueAsync(
            () =>
            {
                _time.Jump(_most);
                return Gateway.Ledger.Snapshot().InFlight == 0;
            },
            "a client that does not read holds its invocation for ever");
        Assert.Equal(new Ended(0, 1, 0), await EndedAsync());
        Assert.Contains("cut off by the idle timeout", Gateway.Log.Last(line => line.Contains(" script: ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task ClientThatReadsSlowly_IsNotCut_ThoughNothingMoreFitsIntoTheBuffers()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "only Linux tells what a client has taken");

        // Of one that grows the system asks for more only when a part of it is free that may be larger than what is read here.
        using var connection = await RawConnection.OpenAsync(Gateway.Port, receiveBuffer: 128 * 1024);
        await connection.SendAsync(Head("", [["head", 200], .. _large, ["end"]]));
        await connection.ReadHeadAsync();
        for (var i = 0; i < 8; i++)
        {
            _time.Jump(TimeSpan.FromSeconds(25));
            var received = connection.BytesReceived;
            for (var bytes = 0; bytes < 256 * 1024; bytes++)
            {
                Assert.True(await connection.ReadByteAsync() is not null, $"cut in round {i}: {string.Join('\n', Gateway.Log.TakeLast(5))}");
            }

            await Until.TrueAsync(() => connection.BytesReceived > received, "nothing more comes");
        }

        Assert.Equal(1, Gateway.Ledger.Snapshot().InFlight);
    }

    [SkippableFact]
    public async Task ProcessThatStoodStill_LooksAgain_BeforeItCuts()
    {
        var go = Flag();
        using var connection = await BeginAsync("/invoke/script", "GET", "", ["head", 200], ["write", "x"], ["await", go], ["end", "y"]);
        _time.Jump(TimeSpan.FromMinutes(2));
        Raise(go);
        Assert.Single((await connection.ReadChunkAsync())!);
        Assert.Empty((await connection.ReadChunkAsync())!);
        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task Route_OwnLimit_CutsEarlier()
    {
        using var connection = await BeginAsync("/short", "GET", "", ["head", 200], ["write", "x"], ["hang"]);

        // Four looks a limit: at the third jump at the latest, far below the general limit.
        for (var i = 0; i < 3; i++)
        {
            _time.Jump(TimeSpan.FromSeconds(6));
        }

        Assert.Null(await connection.ReadChunkAsync());
        Assert.Equal(new Ended(0, 1, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task Route_None_IsNeverCut()
    {
        var go = Flag();
        using var connection = await BeginAsync("/endless", "GET", "", ["head", 200], ["write", "x"], ["await", go], ["end", "y"]);
        for (var i = 0; i < 10; i++)
        {
            _time.Jump(TimeSpan.FromHours(1));
        }

        Raise(go);
        Assert.Single((await connection.ReadChunkAsync())!);
        Assert.Empty((await connection.ReadChunkAsync())!);
        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task BeforeTheHead_TheIdleLimitDoesNotApply()
    {
        using var connection = await OpenAsync();
        var (running, go) = (Flag(), Flag());
        await connection.SendAsync(
            $"GET /short HTTP/1.1\r\nHost: h\r\nx-script: {GatewayUnderTest.Script(["touch", running], ["await", go], ["head", 200], ["end", "late"])}\r\n\r\n");
        await GatewayUnderTest.AppearsAsync(running);
        _time.Jump(TimeSpan.FromSeconds(30));
        _time.Jump(TimeSpan.FromSeconds(20));
        Raise(go);
        Assert.Equal("late", (await connection.ReadAsync()).Text);
        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task AfterAWatchedAnswer_TheConnectionIsNoLongerWatched()
    {
        var go = Flag();
        using var connection = await BeginAsync("/short", "GET", "", ["head", 200], ["write", "x"], ["await", go], ["end"]);
        Raise(go);
        Assert.Empty((await connection.ReadChunkAsync())!);
        await Gateway.SettledAsync();
        _time.Jump(TimeSpan.FromHours(1));
        await connection.SendAsync(Head("", ["head", 200], ["end", "again"]));
        Assert.Equal("again", (await connection.ReadAsync()).Text);
        Assert.Equal(new Ended(2, 0, 0), await EndedAsync());
    }

    /// <summary>Sends a request and reads its answer up to the first byte, so that it is surely being watched.</summary>
    private async Task<RawConnection> BeginAsync(string path, string method, string more, params object[][] steps)
    {
        var connection = await OpenAsync();
        await connection.SendAsync($"{method} {path} HTTP/1.1\r\nHost: h\r\n{more}x-script: {GatewayUnderTest.Script(steps)}\r\n\r\n");
        Assert.Equal(200, (await connection.ReadHeadAsync()).Status);
        Assert.Single((await connection.ReadChunkAsync())!);
        return connection;
    }

    private static async Task JumpUntilCutAsync(RawConnection connection, TimeSpan step)
    {
        for (var i = 0; i < 3; i++)
        {
            _time.Jump(step);
        }

        Assert.Null(await connection.ReadChunkAsync());
    }
}
