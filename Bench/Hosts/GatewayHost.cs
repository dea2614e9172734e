using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Gateway.Lifecycle;

namespace NoslateFleet.Bench.Hosts;

/// <summary>The gateway as it is, in a process that can also be asked what it has allocated.</summary>
internal static class GatewayHost
{
    public static async Task RunAsync(string[] args)
    {
        // Lines for standard output are made and written, and nobody has to read them.
        await using var lines = new NullDevice();
        await using var app = GatewayApplication.Build(args, builder => builder.Services.AddSingleton<IMarkerOutput>(lines));
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

    private sealed class NullDevice : IMarkerOutput, IAsyncDisposable
    {
        private readonly FileStream _device = new("/dev/null", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);

        public void Write(ReadOnlySpan<byte> lines) => _device.Write(lines);

        public ValueTask DisposeAsync() => _device.DisposeAsync();
    }
}
