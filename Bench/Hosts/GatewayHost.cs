using Microsoft.Extensions.Hosting;
using NoslateFleet.Gateway.Hosting;

namespace NoslateFleet.Bench.Hosts;

/// <summary>The gateway as it is, in a process that can also be asked what it has allocated.</summary>
internal static class GatewayHost
{
    public static async Task RunAsync(string[] args)
    {
        await using var app = GatewayApplication.Build(args);
        await app.StartAsync();
        await Commands.ServeAsync(new Uri(app.PlatformAddress()).Port.ToString(System.Globalization.CultureInfo.InvariantCulture), handler: null);
        await app.StopAsync();
    }
}
