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
}
