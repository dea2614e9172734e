using NoslateFleet.Silo.Configuration;
using NoslateFleet.Silo.Redis;
using Orleans.Clustering.Redis;
using StackExchange.Redis;

namespace NoslateFleet.Silo.Hosting;

/// <summary>How a Mesh reaches Redis, and where its table is: the same for its silos and for who only gives an order.</summary>
internal static class MeshRedis
{
    /// <summary>Sets what silos and clients share.</summary>
    /// <param name="clustering">Orleans' options, which are changed.</param>
    /// <param name="settings">Validated settings, with Redis in them.</param>
    public static void Configure(RedisClusteringOptions clustering, SiloSettings settings)
    {
        var table = TableOf(settings);
        clustering.ConfigurationOptions = Driver(settings);
        clustering.CreateRedisKey = _ => table;
    }

    /// <summary>The key of the cluster's table.</summary>
    /// <param name="settings">Validated settings.</param>
    public static RedisKey TableOf(SiloSettings settings) => new RedisKeys(settings.Redis.Prefix).Members(settings.Cluster);

    /// <summary>Connects a silo, and has its table in order: with a spoiled one it would try to join for five minutes, and say nothing.</summary>
    /// <param name="settings">Validated settings, with Redis in them.</param>
    /// <param name="damage">Where it is told what somebody has spoiled.</param>
    /// <exception cref="RedisException">Redis can't be reached, or does not let its user do what a silo has to do.</exception>
    public static async Task<ConnectionMultiplexer> ConnectAsync(SiloSettings settings, RedisDamage damage)
    {
        var redis = await ConnectionMultiplexer.ConnectAsync(Driver(settings));
        try
        {
            // A silo that may not write its table tries to join for five minutes, and says nothing.
            var table = TableOf(settings);
            var missing = await RedisScript.MissingRights.SendAsync(redis.GetDatabase(), [table]);
            if (!missing.IsNull)
            {
                throw new RedisServerException($"NOPERM the user of Redis may not do what a silo has to do with {table}: {missing}");
            }

            await MendAsync(redis, table, damage);
            return redis;
        }
        catch
        {
            await redis.DisposeAsync();
            throw;
        }
    }

    /// <summary>Takes out of the table what somebody else has spoiled, and tells of it.</summary>
    /// <param name="redis">The connection.</param>
    /// <param name="table">The table.</param>
    /// <param name="damage">Where it is told.</param>
    /// <returns>Whether anything was.</returns>
    /// <exception cref="RedisException">Redis can't be reached.</exception>
    public static async Task<bool> MendAsync(ConnectionMultiplexer redis, RedisKey table, RedisDamage damage) =>
        damage.Tell(await RedisScript.MendTable.SendAsync(redis.GetDatabase(), [table]));

    private static ConfigurationOptions Driver(SiloSettings settings)
    {
        var options = settings.Redis.ToDriver();

        // A start that can't reach Redis fails soon and is tried again: waiting inside it, 39 s as measured, would only hide that.
        options.AbortOnConnectFail = true;
        return options;
    }
}
