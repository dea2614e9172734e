using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Silo.Configuration;
using NoslateFleet.Silo.Orders;
using NoslateFleet.Silo.Redis;

namespace NoslateFleet.Silo.Commands;

/// <summary>What a command that is no instance works with: the settings, and the fleet's directory.</summary>
internal sealed class Tool : IAsyncDisposable
{
    public const int Failed = 1;
    public const int WrongUse = 2;

    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(100);

    private readonly ServiceProvider _services;

    private Tool(SiloSettings settings, FleetOptions fleet, ServiceProvider services)
    {
        Settings = settings;
        Fleet = fleet;
        _services = services;
    }

    public SiloSettings Settings { get; }

    /// <summary>After how much silence an instance is seen otherwise, and how long an order holds.</summary>
    public FleetOptions Fleet { get; }

    public IFleetDirectory Directory => _services.GetRequiredService<IFleetDirectory>();

    public IFleetOrders Orders => _services.GetRequiredService<IFleetOrders>();

    /// <summary>Runs a command's work, and tells in plain lines what went wrong.</summary>
    /// <param name="args">Configuration, as for the silo itself.</param>
    /// <param name="name">The command's name.</param>
    /// <param name="errors">Where it is told what went wrong.</param>
    /// <param name="work">The work; its result is the exit code.</param>
    public static async Task<int> RunAsync(string[] args, string name, TextWriter errors, Func<Tool, Task<int>> work)
    {
        try
        {
            IConfiguration configuration = GatewayConfiguration.Of(args);
            var settings = SiloSettingsLoader.LoadForTool(configuration);
            var fleet = GatewayOptionsLoader.LoadFleet(configuration);
            var services = new ServiceCollection();
            services.AddLogging();
            services.AddSingleton(fleet);
            services.AddNoslateFleetRedis(configuration);
            services.AddSingleton(settings);
            services.AddSingleton<MeshClient>();
            services.AddMeshOrders(static provider => provider.GetRequiredService<MeshClient>().ConnectAsync);
            await using var tool = new Tool(settings, fleet, services.BuildServiceProvider());
            await tool.ReachAsync();
            return await work(tool);
        }
        catch (ConfigurationErrorsException error)
        {
            foreach (var line in error.Errors)
            {
                await errors.WriteLineAsync("configuration: " + line);
            }

            return WrongUse;
        }
        catch (FleetDirectoryException error)
        {
            await errors.WriteLineAsync($"{name}: the fleet's directory can't be reached: {error.Message}");
            return Failed;
        }
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    // A call gives up after a second, for the sake of instances; a first connection may take longer, and a person can wait.
    private async Task ReachAsync()
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                await Directory.ReadChangesAsync(DirectoryVersion.None, 1, CancellationToken.None);
                return;
            }
            catch (FleetDirectoryException) when (TimeProvider.System.GetElapsedTime(began) < Settings.Redis.ConnectTimeout)
            {
                await Task.Delay(_pause);
            }
        }
    }
}
