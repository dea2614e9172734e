using NoslateFleet.Coordination.Fleet;
using StackExchange.Redis;

namespace NoslateFleet.Silo.Redis;

/// <summary>The fleet's profiles in Redis. They never vanish; number and time of each version are given by the script.</summary>
/// <param name="connection">The connection.</param>
internal sealed class RedisFleetProfiles(RedisConnection connection) : IFleetProfiles
{
    /// <inheritdoc/>
    public async Task<FleetProfile?> ReadAsync(CancellationToken cancellationToken)
    {
        var head = await connection.CallAsync(
            "read-profile", database => database.ListGetByIndexAsync(connection.Keys.Profiles, 0), [connection.Keys.Profiles], cancellationToken);

        // A damaged one is passed over, and the one before it holds.
        return head.IsNull ? null : Profile(head) ?? (await ListAsync(cancellationToken) is [var before, ..] ? before : null);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<FleetProfile>> ListAsync(CancellationToken cancellationToken)
    {
        var stored = await connection.CallAsync(
            "list-profiles",
            database => database.ListRangeAsync(connection.Keys.Profiles, 0, IFleetProfiles.KeptVersions - 1),
            [connection.Keys.Profiles],
            cancellationToken);
        return [.. stored.Select(Profile).OfType<FleetProfile>()];
    }

    /// <inheritdoc/>
    public async Task<FleetProfile?> SetAsync(
        string? json, string by, long? expectedVersion, long? rolledBackTo, CancellationToken cancellationToken)
    {
        var answer = await connection.RunAsync(
            RedisScript.SetProfile,
            [connection.Keys.Profiles, connection.Keys.ProfileVersions],
            [
                expectedVersion is { } expected ? expected : RedisValue.EmptyString,
                FleetJson.Write(new FleetProfile(1, json, by, DateTimeOffset.UnixEpoch, rolledBackTo)),
                IFleetProfiles.KeptVersions,
                connection.Keys.ProfilesChannel.ToString(),
            ],
            cancellationToken);
        return answer.IsNull ? null : Profile((RedisValue)answer);
    }

    /// <summary>Number and time stand before the profile; those within it mean nothing.</summary>
    private FleetProfile? Profile(RedisValue stored)
    {
        var bytes = RedisFleetDirectory.Bytes(stored);
        FleetProfile? profile = null;
        if (RedisFleetDirectory.TryTake(ref bytes, out var version) && RedisFleetDirectory.TryTake(ref bytes, out var at))
        {
            FleetJson.Read(bytes, out profile);
            profile = profile is null ? null : profile with { Version = version, At = RedisFleetDirectory.Time(at) };
        }

        if (profile is null)
        {
            connection.Damage.Tell(connection.Keys.Profiles!, "a list of profiles that this version can read, each with number and time before it");
        }

        return profile;
    }
}
