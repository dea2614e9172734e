using System.Net;
using System.Net.Sockets;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.Gateway;

/// <summary>A freeze of a minute, for real. In a class of its own, since it takes that long and can be waited for beside the others.</summary>
public sealed class LongFreezeTests
{
    [SkippableFact]
    public async Task FrozenForAMinute_ARequestOnAKeptConnection_OneOnANewOne_AndOneThatHadBegun_AreServedAtTheirFirstTry()
    {
        // Where freezes happen.
        await using var product = new RunningProduct { Settings = ["--Platform:Mode=FunctionCompute", "--FC_INSTANCE_ID=c-1", "--Routing:ByPath=true"] };
        await product.StartEmulatorAsync();
        await product.StartGatewayAsync();
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));
        using var late = new TcpClient();
        using var begun = new TcpClient();
        await begun.ConnectAsync(IPAddress.Loopback, product.Port);
        await begun.GetStream().WriteAsync("GET /invoke/large HTTP/1.0\r\nHo"u8.ToArray());
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));
        product.Gateway.Send(ProcessSignal.Stop);

        // How long the instance is frozen is what this test is about.
        await Task.Delay(TimeSpan.FromSeconds(60));
        var kept = product.Http.GetAsync("/invoke/large");
        await late.ConnectAsync(IPAddress.Loopback, product.Port);
        await late.GetStream().WriteAsync("GET /invoke/large HTTP/1.0\r\nHost: h\r\n\r\n"u8.ToArray());
        await begun.GetStream().WriteAsync("st: h\r\n\r\n"u8.ToArray());
        product.Gateway.Send(ProcessSignal.Continue);
        using var response = await kept;
        Assert.Equal((HttpStatusCode.OK, "ok"), (response.StatusCode, await response.Content.ReadAsStringAsync()));
        foreach (var client in new[] { late, begun })
        {
            using var reader = new StreamReader(client.GetStream());
            Assert.StartsWith("HTTP/1.1 200 ", await reader.ReadToEndAsync(), StringComparison.Ordinal);
        }

        await product.ReadyAsync();
    }
}
