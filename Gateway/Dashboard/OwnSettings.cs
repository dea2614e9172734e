using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Configuration;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>The settings of the instance that serves the dashboard, if it is one. No other instance is asked for its own.</summary>
internal sealed class OwnSettings(IServiceProvider services)
{
    private readonly Lazy<(string InstanceId, IReadOnlyList<EffectiveSetting> Settings)?> _own = new(() => Read(services));

    /// <summary>What holds, without secrets.</summary>
    /// <param name="instanceId">The instance.</param>
    /// <returns>Null if it is not this process's.</returns>
    public IReadOnlyList<EffectiveSetting>? Of(string instanceId) => _own.Value is var (own, settings) && own == instanceId ? settings : null;

    // Set once, at the start: there is nothing to read anew.
    private static (string InstanceId, IReadOnlyList<EffectiveSetting> Settings)? Read(IServiceProvider services) =>
        services.GetService<InstanceLifecycle>() is { } lifecycle
        && services.GetService<GatewayOptions>() is { } options
        && services.GetService<IConfiguration>() is { } configuration
            ? (lifecycle.Identity.InstanceId, EffectiveSettings.Of(options, configuration))
            : null;
}
