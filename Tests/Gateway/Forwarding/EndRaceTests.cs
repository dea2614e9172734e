using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Gateway.Forwarding;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>The idle limit comes due at the very end of a response. Whoever is first decides; never is a response complete and cut.</summary>
public sealed class EndRaceTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private readonly JumpingTime _jumping = new();
    private readonly HookedTime _time;

    public EndRaceTests() => _time = new HookedTime(_jumping);

    [SkippableFact]
    public async Task LookThatHasBegun_IsWaitedForAtTheEnd_AndCutsTheResponse()
    {
        await using var gateway = await StartAsync();
        var go = gateway.Flag("go");
        using var connection = await BeginAsync(gateway, go);

        // A first look sees that bytes have moved; one that is late might be that of a process that stood still, and does not cut.
        _jumping.Jump(TimeSpan.FromSeconds(3));
        _jumping.Jump(TimeSpan.FromSeconds(10));
        using var inside = new SemaphoreSlim(0);
        using var release = new ManualResetEventSlim();
        _time.AskedWhileFiring = type =>
        {
            if (type != typeof(BodyWatch))
            {
                return;
            }

            _time.AskedWhileFiring = null;
            inside.Release();
            Assert.True(release.Wait(_patience));
        };
        var looking = Task.Run(() => _jumping.Jump(TimeSpan.FromSeconds(10)));
        Assert.True(await inside.WaitAsync(_patience));

        // The look stands still, and the whole response comes from the node meanwhile.
        await File.WriteAllTextAsync(go, "");
        await gateway.Node!.WaitForAsync(it => it["script"].Active == 0);
        release.Set();
        await looking;
        Assert.Null(await connection.ReadChunkAsync());
        Assert.True(await connection.IsClosedAsync());
        Assert.Equal(new LedgerSnapshot(2, 1, 1, 0, 0, 0), await gateway.SettledAsync());
    }

    [SkippableFact]
    public async Task LookThatComesAfterTheEnd_CutsNothing_NorTheNextResponse()
    {
        await using var gateway = await StartAsync();
        var go = gateway.Flag("go");
        using var connection = await BeginAsync(gateway, go);
        _jumping.Jump(TimeSpan.FromSeconds(3));

        // The timer has fired, and its callback is still on its way.
        var late = new TaskCompletionSource<Action>();
        _time.Firing = (type, call) =>
        {
            if (type == typeof(BodyWatch))
            {
                late.TrySetResult(call);
            }
            else
            {
                call();
            }
        };
        _jumping.Jump(TimeSpan.FromSeconds(10));
        var look = await late.Task.WaitAsync(_patience);
        await File.WriteAllTextAsync(go, "");
        Assert.Empty((await connection.ReadChunkAsync())!);
        Assert.Equal(new LedgerSnapshot(2, 2, 0, 0, 0, 0), await gateway.SettledAsync());
        look();
        await connection.SendAsync(GatewayRequests.Text("GET", "/invoke/script", GatewayRequests.ScriptLine(["head", 200], ["end", "next"])));
        Assert.Equal("next", (await connection.ReadAsync()).Text);
        Assert.Equal(new LedgerSnapshot(3, 3, 0, 0, 0, 0), await gateway.SettledAsync());
    }

    private async Task<GatewayUnderTest> StartAsync()
    {
        var gateway = await GatewayUnderTest.StartAsync(time: _time, settings: [("Forwarding:IdleTimeout", "8s")]);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/script", GatewayRequests.ScriptLine(["end"]))).Status);
        return gateway;
    }

    private static async Task<RawConnection> BeginAsync(GatewayUnderTest gateway, string go)
    {
        var connection = await RawConnection.OpenAsync(gateway.Port);
        await connection.SendAsync(GatewayRequests.Text(
            "GET", "/invoke/script", GatewayRequests.ScriptLine(["head", 200], ["write", "x"], ["await", go], ["end"])));
        Assert.Equal(200, (await connection.ReadHeadAsync()).Status);
        Assert.Single((await connection.ReadChunkAsync())!);
        return connection;
    }
}
