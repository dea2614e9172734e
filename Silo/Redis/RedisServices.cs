using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Configuration;

namespace NoslateFleet.Silo.Redis;

/// <summary>Puts the fleet's directory in Redis.</summary>
public static class RedisServices
{
    /// <summary>
    /// Registers the four contracts of the fleet over Redis, if the section <see cref="RedisOptions.SectionName"/> names a server; else
    /// nothing, and the directory in memory stays. Uses the <see cref="FleetOptions"/> and <see cref="TimeProvider"/> that are registered.
    /// To be called before the gateway registers its own.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configuration">The whole configuration.</param>
    /// <exception cref="ConfigurationErrorsException">The section has errors; all are told.</exception>
    public static IServiceCollection AddNoslateFleetRedis(this IServiceCollection services, IConfiguration configuration)
    {
        var options = RedisOptionsReader.Read(configuration);
        services.TryAddSingleton(options);
        if (!options.IsConfigured)
        {
            return services;
        }

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<RedisConnection>();
        services.AddSingleton<IFleetDirectory>(static p => new RedisFleetDirectory(p.GetRequiredService<RedisConnection>(), Fleet(p)));
        services.AddSingleton<IFleetOrders>(static p => new RedisFleetOrders(p.GetRequiredService<RedisConnection>(), Fleet(p)));
        services.AddSingleton<IFleetProfiles, RedisFleetProfiles>();
        services.AddSingleton<IFleetNotices>(static p => new RedisFleetNotices(p.GetRequiredService<RedisConnection>(), Random.Shared));
        return services;
    }

    private static FleetOptions Fleet(IServiceProvider provider) => provider.GetService<FleetOptions>() ?? new FleetOptions();
}
