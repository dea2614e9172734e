using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using NoslateFleet.Grains.Instances;
using NoslateFleet.Grains.Placement;

namespace NoslateFleet.Tests.Silo.Hosting;

/// <summary>An instance that stands alone.</summary>
public sealed class IslandTests
{
    [Fact]
    public async Task ItComesUp_OnLoopbackAlone_WithoutAClientPort()
    {
        await using var it = await SiloUnderTest.StartAsync("--Silo:Topology=Island", "--Lifecycle:InstanceId=alone-1");
        await it.UpAsync();
        Assert.Equal(IPAddress.Loopback, it.Part.Endpoint!.Address);
        var listeners = IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners();
        var own = Assert.Single(listeners, listener => listener.Port == it.Part.Endpoint.Port);
        Assert.Equal(IPAddress.Loopback, own.Address);
        Assert.DoesNotContain(listeners, listener => listener.Port == 30000);
    }

    [Fact]
    public async Task ItsOwnGrains_Answer_AndAnothersAreRefusedAtOnceInClearWords()
    {
        await using var it = await SiloUnderTest.StartAsync("--Silo:Topology=Island", "--Lifecycle:InstanceId=alone-1");
        await it.UpAsync();
        var own = await it.Part.Grains!.GetGrain<IInstanceGrain>(GrainKeys.OfInstance("alone-1")).ReportAsync();
        Assert.Equal("alone-1", own.InstanceId);
        var error = await Assert.ThrowsAsync<InstanceUnreachableException>(
            () => it.Part.Grains.GetGrain<IInstanceGrain>(GrainKeys.OfInstance("other")).ReportAsync().AsTask());
        Assert.Contains("'other'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnInboundConnection_IsDropped_BeforeItSaysAnything()
    {
        await using var it = await SiloUnderTest.StartAsync("--Silo:Topology=Island", "--Lifecycle:InstanceId=alone-1");
        await it.UpAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        for (var i = 0; i < 20; i++)
        {
            using var tenant = new TcpClient();
            try
            {
                await tenant.ConnectAsync(it.Part.Endpoint!, limit.Token);
                Assert.Equal(0, await tenant.GetStream().ReadAsync(new byte[1], limit.Token));
            }
            catch (Exception error) when (error is IOException or SocketException { SocketErrorCode: not SocketError.ConnectionRefused })
            {
                // Reset rather than ended: dropped as well.
            }
        }

        await it.Part.Grains!.GetGrain<IInstanceGrain>(GrainKeys.OfInstance("alone-1")).ReportAsync();
        Assert.Equal(1, it.State.Life);
    }

    [Fact]
    public async Task GivenUpByOrleans_TheSiloAloneIsRestarted()
    {
        await using var it = await SiloUnderTest.StartAsync("--Silo:Topology=Island", "--Lifecycle:InstanceId=alone-1");
        await it.UpAsync();
        it.Part.Lost!(1, "a fatal error");
        await it.UpAsync(life: 2);
        Assert.Equal("alone-1", (await it.Part.Grains!.GetGrain<IInstanceGrain>(GrainKeys.OfInstance("alone-1")).ReportAsync()).InstanceId);
    }

    [Fact]
    public async Task Stopped_TheGrainsAreClosed()
    {
        await using var it = await SiloUnderTest.StartAsync("--Silo:Topology=Island", "--Lifecycle:InstanceId=alone-1");
        await it.UpAsync();
        await it.StopAsync();
        Assert.False(it.GrainsAreOpen);
        Assert.Null(it.Part.Grains);
    }
}
