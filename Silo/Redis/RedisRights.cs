using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace NoslateFleet.Silo.Redis;

/// <summary>
/// What the user of Redis lacks of the rights that the fleet needs. Redis itself names no command that a script was refused, and says nothing of a notice that
/// nobody may send or hear.
/// </summary>
/// <param name="keys">The fleet's keys.</param>
/// <param name="logger">Where it is told.</param>
internal sealed partial class RedisRights(RedisKeys keys, ILogger logger)
{
    private int _asked;

    /// <summary>Whether an answer of the server's means that its user lacks a right, or that the server knows a command by another name.</summary>
    /// <param name="e">The answer.</param>
    public static bool IsRefusal(RedisServerException e) =>
        e.Message.Contains("NOPERM", StringComparison.Ordinal)
        || e.Message.Contains("can't run this command", StringComparison.Ordinal)
        || e.Message.Contains("Unknown Redis command", StringComparison.Ordinal);

    /// <summary>Asks and tells, the first time: most of what is lacking shows later, or never, as an error.</summary>
    /// <param name="database">The server, known to answer.</param>
    public void AskOnce(IDatabase database)
    {
        if (Volatile.Read(ref _asked) == 0 && Interlocked.Exchange(ref _asked, 1) == 0)
        {
            _ = TellAsync(database);
        }
    }

    /// <summary>What is lacking; null where nothing is, or where the server can't be asked.</summary>
    /// <param name="database">The server.</param>
    public async Task<string?> MissingAsync(IDatabase database)
    {
        try
        {
            return (string?)await RedisScript.MissingFleetRights.SendAsync(database, [keys.Directory[0]], keys.SnapshotsChannel.ToString());
        }
        catch (RedisServerException e) when (e.Message.Contains("'eval'", StringComparison.OrdinalIgnoreCase))
        {
            // It is needed only for a script that the server does not know yet: another instance's may be there, until the server restarts.
            return "eval";
        }
        catch (Exception e) when (e is RedisException or TimeoutException or ObjectDisposedException)
        {
            return null;
        }
    }

    private async Task TellAsync(IDatabase database)
    {
        if (await MissingAsync(database) is { } missing)
        {
            Lacking(logger, missing);
        }
    }

    [LoggerMessage(2113, LogLevel.Warning,
        "The user of Redis may not do all that the fleet needs: {Missing}. Without them orders and changes come late, or not at all; docs/fleet.md lists the rights. Invocations go on")]
    private static partial void Lacking(ILogger logger, string missing);
}
