using System.Buffers;
using Google.Protobuf;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;
using KeyValuePair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>A function that says its body's length: no last chunk tells the end then, and nothing pushes the last bytes out but the gateway.</summary>
public sealed class PromisedLengthTests(WireErrorTests.Scripted fixture) : IClassFixture<WireErrorTests.Scripted>
{
    [Theory]
    [InlineData(2)]
    [InlineData(40_000)]
    public async Task BodyAndEndInOneGo_LongAfterTheHead_AreSentAtOnce(int length)
    {
        var gateway = await fixture.Gateway;
        var before = await gateway.SettledAsync();
        using var headSeen = new SemaphoreSlim(0);
        fixture.Plane.On("/noslated.data.PushServer/invoke", async call =>
        {
            var head = new InvokeResultResponse { Status = 200 };
            head.Headers.Add(new KeyValuePair { Key = "Content-Length", Value = length.ToString(System.Globalization.CultureInfo.InvariantCulture) });
            await call.WriteAsync(new InvokeResponse { Result = head }.ToByteArray());
            await headSeen.WaitAsync();

            // Not flushed: it leaves together with the end of the call.
            var body = new InvokeResponse { Result = new InvokeResultResponse { Body = ByteString.CopyFrom(new byte[length]) } }.ToByteArray();
            call.Context.Response.BodyWriter.Write(PlaneCall.Frame(body));
            call.SetStatus(0);
        });
        using var connection = await RawConnection.OpenAsync(gateway.Port);
        const int rounds = 20;
        for (var i = 0; i < rounds; i++)
        {
            await connection.SendAsync(GatewayRequests.Text("GET", "/invoke/f"));
            Assert.Equal(200, (await connection.ReadHeadAsync()).Status);
            headSeen.Release();
            Assert.Equal(length, (await connection.ReadBytesAsync(length))?.Length);
        }

        Assert.Equal(new(rounds, rounds, 0, 0, 0, 0), await gateway.SinceAsync(before));
    }

    [Theory]
    [InlineData(10, 4, "ended after 4 bytes")]
    [InlineData(10, 0, "ended after 0 bytes")]
    [InlineData(10, 11, "its body is longer")]
    public async Task WholeSmallBodyOfAnotherLength_AtHandBeforeAnythingIsSent_502_BadResponse(int promised, int length, string detail)
    {
        // The gateway is held up right behind the node's head, until the end of the call has come too: nothing has left then.
        using var holding = new SemaphoreSlim(0);
        using var release = new ManualResetEventSlim();
        var time = new HookedTime(TimeProvider.System);
        await using var gateway = await GatewayUnderTest.StartAsync(
            withNode: false, time: time, settings: [("Node:ReconnectMin", "5ms"), ("Node:ReconnectMax", "20ms")]);
        await using var plane = await FakePlane.StartAsync(Path.Combine(gateway.Directory, "socks", "dp-0.sock"));
        await Until.TrueAsync(() => gateway.Client.Status.Reachable, "the gateway did not connect");
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        plane.On("/noslated.data.PushServer/invoke", async call =>
        {
            call.Context.Response.OnCompleted(() =>
            {
                ended.TrySetResult();
                return Task.CompletedTask;
            });
            var head = new InvokeResultResponse { Status = 200 };
            head.Headers.Add(new KeyValuePair { Key = "Content-Length", Value = promised.ToString(System.Globalization.CultureInfo.InvariantCulture) });
            await call.WriteAsync(new InvokeResponse { Result = head }.ToByteArray());
            if (length > 0)
            {
                await call.WriteAsync(new InvokeResponse { Result = new InvokeResultResponse { Body = ByteString.CopyFrom(new byte[length]) } }.ToByteArray());
            }

            call.SetStatus(0);
        });
        time.Disarming = type =>
        {
            if (type?.Name == "InvocationSlot")
            {
                time.Disarming = null;
                holding.Release();
                Assert.True(release.Wait(TimeSpan.FromSeconds(30)));
            }
        };
        var answering = gateway.SendAsync("GET", "/invoke/f");
        Assert.True(await holding.WaitAsync(TimeSpan.FromSeconds(30)));
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(30));

        // Frames of one connection come in order: with this answer, all of the call is here.
        await gateway.Client.GetStatsAsync(CancellationToken.None);
        release.Set();
        var answer = await answering;
        Assert.Equal("502 worker bad-response yes", ProblemSeen.Of(answer).ToString());
        Assert.Contains(detail, answer.Text, StringComparison.Ordinal);
        Assert.Equal(new(1, 0, 1, 0, 0, 0), await gateway.SettledAsync());
    }
}
