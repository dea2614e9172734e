using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Silo.Redis;
using NoslateFleet.Tests.Common.Fleet;

namespace NoslateFleet.Tests.Silo.Redis;

/// <summary>The contracts over Redis, registered as the program does it, and what they log.</summary>
internal sealed class RedisFleet
{
    private readonly ServiceProvider _services;

    public RedisFleet(string endpoint, FleetOptions? fleet = null, params (string Key, string Value)[] settings)
        : this(endpoint, fleet, TimeProvider.System, settings)
    {
    }

    public RedisFleet(string endpoint, FleetOptions? fleet, TimeProvider time, params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([new("Redis:Endpoints", endpoint), .. settings.Select(s => new KeyValuePair<string, string?>("Redis:" + s.Key, s.Value))])
            .Build();
        _services = new ServiceCollection()
            .AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(new LogRecorder(Logged)))
            .AddSingleton(fleet ?? new FleetOptions())
            .AddSingleton(time)
            .AddNoslateFleetRedis(configuration)
            .BuildServiceProvider();
        Parts = new FleetParts(
            _services.GetRequiredService<IFleetDirectory>(),
            _services.GetRequiredService<IFleetOrders>(),
            _services.GetRequiredService<IFleetProfiles>(),
            _services.GetRequiredService<IFleetNotices>());
    }

    public FleetParts Parts { get; }

    public IFleetDirectory Directory => Parts.Directory;

    /// <summary>What was logged, with its level before it.</summary>
    public ConcurrentQueue<string> Logged { get; } = new();

    public ValueTask EndAsync() => _services.DisposeAsync();

    /// <summary>Whether the directory works.</summary>
    public async Task<bool> WorksAsync()
    {
        try
        {
            await Directory.ReadAllAsync(default);
            return true;
        }
        catch (FleetDirectoryException)
        {
            return false;
        }
    }
}
