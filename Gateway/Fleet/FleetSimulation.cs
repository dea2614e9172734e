using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Fleet.Simulation;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Lifecycle;

namespace NoslateFleet.Gateway.Fleet;

/// <summary>Runs the simulated instances.</summary>
internal sealed partial class FleetSimulation : IHostedService, IAsyncDisposable
{
    // The same fleet at every start: what somebody has seen, others can see too.
    private const int Seed = 20260304;

    private readonly SimulatedFleet _fleet;
    private readonly SimulationOptions _options;
    private readonly ILogger<FleetSimulation> _logger;

    public FleetSimulation(IFleetDirectory directory, SimulationOptions options, TimeProvider time, ILogger<FleetSimulation> logger)
    {
        if (directory is not InMemoryFleetDirectory)
        {
            throw new ConfigurationErrorsException(
            [
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{SimulationOptions.Key} = {options.Instances}: must be 0 where instances share a directory: others would take what is simulated for real"),
            ]);
        }

        _fleet = new SimulatedFleet(
            directory,
            options.Instances,
            static receipt => JsonSerializer.Serialize(receipt, LifecycleJson.Default.Receipt),
            time,
            new Random(Seed));
        _options = options;
        _logger = logger;
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        Simulating(_logger, _options.Instances);
        _fleet.Start();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken) => await _fleet.DisposeAsync();

    public ValueTask DisposeAsync() => _fleet.DisposeAsync();

    [LoggerMessage(1095, LogLevel.Warning, "{Instances} instances of the fleet are simulated: they serve nobody")]
    private static partial void Simulating(ILogger logger, int instances);
}
