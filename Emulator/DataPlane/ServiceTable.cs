using NoslateFleet.Noslate.Protocol.Data;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>The service profiles of a data plane: which function serves a service's next call.</summary>
internal sealed class ServiceTable
{
    private const string FunctionKey = "functionName";

    private volatile IReadOnlyDictionary<string, FunctionService> services = new Dictionary<string, FunctionService>();

    public void Set(IEnumerable<FunctionService> profiles)
    {
        var next = new Dictionary<string, FunctionService>(StringComparer.Ordinal);
        foreach (FunctionService profile in profiles)
            next[profile.Name] = profile.Clone();
        services = next;
    }

    public void Clear() => services = new Dictionary<string, FunctionService>();

    public ServiceProfilesAccessor Get() => new() { Profiles = { services.Values.Select(it => it.Clone()) } };

    /// <summary>The function's name, or null for an unknown service or one without a selector.</summary>
    /// <param name="service">The service.</param>
    /// <param name="draw">A random number in [0, 1).</param>
    public string? Select(string service, double draw)
    {
        if (!services.TryGetValue(service, out FunctionService? profile))
            return null;
        if (profile.Type != "proportional-load-balance")
            return Function(profile.Selector);
        double sum = 0;
        foreach (Selector selector in profile.Selectors)
        {
            sum += selector.Proportion;
            if (draw < sum)
                return Function(selector.Selector_);
        }

        return profile.Selectors.Count == 0 ? null : Function(profile.Selectors[^1].Selector_);
    }

    private static string? Function(IEnumerable<Noslate.Protocol.Common.KeyValuePair> selector) =>
        selector.LastOrDefault(it => it.Key == FunctionKey)?.Value;
}
