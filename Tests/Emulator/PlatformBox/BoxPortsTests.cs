using System.Net;
using System.Net.Sockets;
using NoslateFleet.Emulator.PlatformBox;

namespace NoslateFleet.Tests.Emulator.PlatformBox;

public sealed class BoxPortsTests
{
    [Fact]
    public void Port_IsGivenOnce_AndLiesBelowThoseOfOutgoingConnections()
    {
        int[] ports = [.. Enumerable.Range(0, 300).Select(_ => BoxPorts.Next())];
        Assert.Equal(ports.Length, ports.Distinct().Count());
        Assert.All(ports, port => Assert.InRange(port, 1024, 32767));
    }

    [Fact]
    public void PortThatWasGivenBefore_OrOnWhichSomebodyListens_IsPassedOver()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int given = BoxPorts.Next();
        int taken = ((IPEndPoint)listener.LocalEndpoint).Port;
        var first = new Queue<int>([given, taken]);
        int passed = 0;
        int port = BoxPorts.Next(() =>
        {
            if (first.TryDequeue(out int bad))
                return bad;
            passed = 2;
            return Random.Shared.Next(20_000, 30_000);
        });
        Assert.Equal(2, passed);
        Assert.DoesNotContain(port, new[] { given, taken });
    }
}
