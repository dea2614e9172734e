using StackExchange.Redis;

namespace NoslateFleet.Silo.Redis;

/// <summary>The fleet's keys and channels. The prefix in braces is what a cluster hashes by, so they all lie together.</summary>
/// <param name="prefix">The fleet's prefix.</param>
internal sealed class RedisKeys(string prefix)
{
    private readonly string _start = $"{{{prefix}}}:";

    /// <summary>Those of the directory, in the order that its scripts take them.</summary>
    public RedisKey[] Directory { get; } =
    [
        .. new[] { "state", "leases", "snapshots", "expiries", "changes", "removed" }.Select(name => (RedisKey)$"{{{prefix}}}:{name}"),
    ];

    /// <summary>What a key has to be, as the script that mends knows it: hash, list or zset.</summary>
    public RedisValue TypeOf(RedisKey key) => ((string)key!)[_start.Length..].Split(':', 2)[0] switch
    {
        "state" or "leases" or "snapshots" or "orders" or "versions" => "hash",
        "expiries" or "changes" or "removed" => "zset",
        _ => "list",
    };

    public RedisKey Profiles => _start + "profiles";

    /// <summary>Which versions were given out, should the profiles be spoiled.</summary>
    public RedisKey ProfileVersions => _start + "versions";

    public RedisChannel SnapshotsChannel => RedisChannel.Literal(_start + "told:snapshots");

    public RedisChannel ProfilesChannel => RedisChannel.Literal(_start + "told:profiles");

    /// <summary>The table by which the silos of a Mesh find each other. Orleans' own; here so that a user's rights on the prefix are all that a fleet needs.</summary>
    public RedisKey Members(string cluster) => $"{_start}members:{cluster}";

    public RedisKey Records(string instanceId) => $"{_start}records:{instanceId}";

    public RedisKey[] Orders(string instanceId) => [$"{_start}orders:{instanceId}", $"{_start}queue:{instanceId}"];

    public RedisChannel OrdersChannel(string instanceId) => RedisChannel.Literal($"{_start}told:orders:{instanceId}");
}
