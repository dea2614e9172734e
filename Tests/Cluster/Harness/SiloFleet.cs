using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Cluster.Harness;

/// <summary>A fleet of real processes, and a Redis of its own.</summary>
internal sealed class SiloFleet : IAsyncDisposable
{
    private readonly FleetTopology _topology;
    private readonly string[] _settings;
    private readonly List<SiloInstance> _instances = [];

    private SiloFleet(FleetTopology topology, RedisServer redis, string[] settings)
    {
        _topology = topology;
        Redis = redis;
        _settings = settings;
    }

    public RedisServer Redis { get; }

    public IReadOnlyList<SiloInstance> Instances => _instances;

    /// <summary>Starts Redis and the instances, and waits until all serve and their silos are up.</summary>
    public static async Task<SiloFleet> StartAsync(FleetTopology topology, int count, params string[] settings)
    {
        Requires.Node();
        var fleet = new SiloFleet(topology, await RedisServer.StartAsync(), settings);
        try
        {
            // One after the other: on a small machine all at once take longer than each after the other.
            for (var i = 0; i < count; i++)
            {
                await fleet.AddAsync();
            }

            foreach (var instance in fleet._instances)
            {
                await instance.UpAsync();
            }

            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    /// <summary>Adds an instance and waits until it serves. Its silo may join later.</summary>
    public async Task<SiloInstance> AddAsync()
    {
        string[] mesh = _topology == FleetTopology.Mesh
            ? ["--Silo:Address=127.0.0.1", $"--Silo:Port={FreePort.Next()}", $"--Silo:ClientPort={FreePort.Next()}"]
            : [];
        var instance = new SiloInstance(
            $"i-{_instances.Count + 1}", [$"--Silo:Topology={_topology}", "--Redis:Endpoints=" + Redis.Endpoint, .. mesh, .. _settings]);
        _instances.Add(instance);
        await instance.StartAsync();
        return instance;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var instance in _instances)
        {
            await instance.DisposeAsync();
        }

        await Redis.DisposeAsync();
    }
}
