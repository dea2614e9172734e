using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>An answer that breaks off after its head: what was sent of it reaches a client however slowly it reads, and never looks whole.</summary>
public sealed class CutTests
{
    // More than a client with such a buffer has taken before it reads, and less than makes the gateway wait for it.
    private const int Sent = 60_000;
    private const int ClientBuffer = 8 * 1024;

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ClientThatHasNotReadYet_GetsEveryByte_AndNoEnd(bool chunked)
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        using var connection = await BreakOffAsync(gateway, "HTTP/1.1", chunked ? [] : new Dictionary<string, object> { ["content-length"] = $"{Sent + 1}" });
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        }

        Assert.Equal(200, (await connection.ReadHeadAsync()).Status);
        if (chunked)
        {
            var total = 0;
            while (await connection.ReadChunkAsync() is { } chunk)
            {
                Assert.NotEmpty(chunk);
                total += chunk.Length;
            }

            Assert.Equal(Sent, total);
        }
        else
        {
            Assert.NotNull(await connection.ReadBytesAsync(Sent));
        }

        Assert.True(await connection.IsClosedAsync());
        Assert.Equal(new LedgerSnapshot(101, 100, 1, 0, 0, 0), await gateway.SettledAsync());
    }

    [Fact]
    public async Task EndOfTheOutput_WaitsForTheConnection_ButNoLongerThanItIsTold()
    {
        var pair = DuplexPipe.Pair();
        using var closed = new CancellationTokenSource();
        await using var connection = new DefaultConnectionContext("1", pair.Near, pair.Far) { ConnectionClosed = closed.Token };
        var tracked = new TrackedConnection(connection, http2: false);
        using var grace = new CancellationTokenSource();
        var ending = tracked.EndOutputAsync(grace.Token);
        Assert.True((await pair.Far.Input.ReadAsync()).IsCompleted);
        Assert.False(ending.IsCompleted);
        await grace.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ending);

        var again = tracked.EndOutputAsync(CancellationToken.None);
        Assert.False(again.IsCompleted);
        await closed.CancelAsync();
        await again;
    }

    /// <summary>Over HTTP/1.0 a body without length ends with its connection: only a reset tells that this is no end.</summary>
    [SkippableFact]
    public async Task Http10_WithoutLength_IsReset()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        using var connection = await BreakOffAsync(gateway, "HTTP/1.0", []);
        await gateway.SettledAsync();
        Assert.True(await connection.IsResetAsync());
        Assert.Equal(new LedgerSnapshot(1, 0, 1, 0, 0, 0), await gateway.SettledAsync());
    }

    private static async Task<RawConnection> BreakOffAsync(GatewayUnderTest gateway, string version, Dictionary<string, object> headers)
    {
        var connection = await RawConnection.OpenAsync(gateway.Port, receiveBuffer: ClientBuffer);
        await connection.SendAsync(
            $"GET /invoke/script {version}\r\nHost: t\r\nx-script: {GatewayUnderTest.Script(["head", 200, headers], ["bytes", Sent], ["destroy"])}\r\n\r\n");
        await Until.TrueAsync(() => gateway.Log.Any(line => line.Contains("response-reset", StringComparison.Ordinal)), "the answer does not break off");
        return connection;
    }

    private sealed class DuplexPipe(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;

        public static (DuplexPipe Near, DuplexPipe Far) Pair()
        {
            var (there, back) = (new Pipe(), new Pipe());
            return (new DuplexPipe(back.Reader, there.Writer), new DuplexPipe(there.Reader, back.Writer));
        }
    }
}
