using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Hosting;

namespace NoslateFleet.Bench.Hosts;

/// <summary>The gateway as it is, in a process that can also be asked what it has allocated.</summary>
internal static class GatewayHost
{
    public static async Task RunAsync(string[] args)
    {
        await using var app = GatewayApplication.Build(args);
        await app.StartAsync();

        // Before that it answers 503.
        var lifecycle = app.Services.GetRequiredService<InstanceLifecycle>();
        while (!lifecycle.State.Initialised)
        {
            await Task.Delay(1);
        }

        await Commands.ServeAsync(new Uri(app.PlatformAddress()).Port.ToString(System.Globalization.CultureInfo.InvariantCulture), handler: null);
        await app.StopAsync();
    }
}
