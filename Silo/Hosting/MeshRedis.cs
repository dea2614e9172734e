using NoslateFleet.Silo.Configuration;
using StackExchange.Redis;

namespace NoslateFleet.Silo.Hosting;

/// <summary>How a Mesh reaches Redis.</summary>
internal static class MeshRedis
{
    /// <summary>The options of a connection.</summary>
    /// <param name="settings">Validated settings, with Redis in them.</param>
    public static ConfigurationOptions Of(SiloSettings settings)
    {
        var options = settings.Redis.ToDriver();

        // A start that can't reach Redis fails soon and is tried again: waiting inside it, 39 s as measured, would only hide that.
        options.AbortOnConnectFail = true;
        return options;
    }
}
