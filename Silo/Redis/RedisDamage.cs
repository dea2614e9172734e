using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace NoslateFleet.Silo.Redis;

/// <summary>Tells once of each thing in Redis that somebody else has spoiled. What of it can be mended is; the rest is passed over.</summary>
/// <param name="logger">Where it is told.</param>
internal sealed partial class RedisDamage(ILogger logger)
{
    /// <summary>Whoever spoils things without end does not fill the log, or the memory.</summary>
    private const int MaxTold = 256;

    private readonly HashSet<string> _told = new(StringComparer.Ordinal);

    /// <summary>Something can't be read.</summary>
    /// <param name="what">The key, and the field where it has such.</param>
    /// <param name="right">What it has to be.</param>
    public void Tell(string what, string right)
    {
        lock (_told)
        {
            if (_told.Count >= MaxTold || !_told.Add(what))
            {
                return;
            }
        }

        Spoiled(logger, what, right);
    }

    /// <summary>Something was mended.</summary>
    /// <param name="mended">What a script that mends returns: what each was, and what it has to be.</param>
    /// <returns>Whether it was anything.</returns>
    public bool Tell(RedisResult mended)
    {
        var told = (string[])mended!;
        for (var i = 1; i < told.Length; i += 2)
        {
            Tell(told[i - 1], told[i]);
        }

        return told.Length > 0;
    }

    [LoggerMessage(2112, LogLevel.Warning,
        "{What} in Redis was spoiled by somebody: it has to be {Right}. It is passed over or written anew, and all else goes on. This is not told again")]
    private static partial void Spoiled(ILogger logger, string what, string right);
}
