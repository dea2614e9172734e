using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>One gateway for all tests of a class; started by the first, so that a missing program skips tests instead of failing them.</summary>
public sealed class SharedGateway : IAsyncLifetime
{
    private Task<GatewayUnderTest>? _start;

    internal Task<GatewayUnderTest> GetAsync(Func<Task<GatewayUnderTest>> start) => _start ??= start();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_start is { IsCompletedSuccessfully: true })
        {
            await (await _start).DisposeAsync();
        }
    }
}

/// <summary>Tests on a shared gateway. Each counts from where it began, and leaves nothing open.</summary>
public abstract class SharedGatewayTests(SharedGateway shared) : IClassFixture<SharedGateway>, IAsyncLifetime
{
    /// <summary>The node's client listens to the plane's events by one call that is always open.</summary>
    internal const int Listening = 1;

    private LedgerSnapshot _before = null!;

    internal GatewayUnderTest Gateway { get; private set; } = null!;

    internal virtual Task<GatewayUnderTest> StartAsync() => GatewayUnderTest.StartAsync();

    public async Task InitializeAsync()
    {
        Gateway = await shared.GetAsync(async () =>
        {
            // With a worker, so that no test's own limits are spent on its start.
            var gateway = await StartAsync();
            Assert.Equal(200, (await gateway.RawAsync(Head("", ["head", 200], ["end"]))).Status);
            return gateway;
        });
        _before = await Gateway.SettledAsync();
    }

    public async Task DisposeAsync()
    {
        if (Gateway is not null)
        {
            await NothingOpenAsync();
            await Until.TrueAsync(() => Gateway.Node!.GetStats().Functions.All(function => function.Active == 0), "a worker's place is not given back");
        }
    }

    /// <summary>Waits until neither the gateway nor the node holds anything open.</summary>
    internal async Task NothingOpenAsync()
    {
        await Gateway.SettledAsync();
        await Until.TrueAsync(() => Gateway.Node!.GetStats().OpenDataPlaneCalls == Listening, "calls stay open on the data plane");
    }

    /// <summary>Waits until nothing is in flight; how this test's invocations ended. The law is checked.</summary>
    internal async Task<Ended> EndedAsync()
    {
        var now = await Gateway.SettledAsync();
        var ended = new Ended(now.Completed - _before.Completed, now.Failed - _before.Failed, now.Cancelled - _before.Cancelled);
        Assert.Equal(now.Accepted - _before.Accepted, ended.Completed + ended.Failed + ended.Cancelled);
        return ended;
    }

    /// <summary>A barrier of this test's own.</summary>
    internal string Flag() => Gateway.Flag(Guid.NewGuid().ToString("N"));

    internal static void Raise(string flag) => File.WriteAllText(flag, "");

    internal async Task<RawConnection> OpenAsync() => await RawConnection.OpenAsync(Gateway.Port);

    /// <summary>The head of a request for the script function.</summary>
    internal static string Head(string more, params object[][] steps) => HeadFor("GET", "script", more, steps);

    internal static string HeadFor(string method, string function, string more, params object[][] steps) =>
        $"{method} /invoke/{function} HTTP/1.1\r\nHost: h\r\n{more}x-script: {GatewayUnderTest.Script(steps)}\r\n\r\n";
}

/// <summary>How a test's invocations ended.</summary>
internal sealed record Ended(long Completed, long Failed, long Cancelled);
