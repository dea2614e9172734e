using Microsoft.Extensions.Logging;

namespace NoslateFleet.Silo.Redis;

/// <summary>
/// Tells of an outage once when it begins and once when it is over, however many calls fail in between. It is over with the first call that
/// succeeds a while after the last that failed, so that a server on the brink fills no log. Where the server itself refused a call, as one that may be read but
/// not written to does, only a call of that kind shows that it is over.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is told.</param>
internal sealed partial class RedisOutage(TimeProvider time, ILogger logger)
{
    /// <summary>How long nothing must have failed.</summary>
    internal static readonly TimeSpan Quiet = TimeSpan.FromSeconds(2);

    /// <summary>After which time a kind of call that was refused, and was not made since, is no sign any more. Whoever publishes tries more often.</summary>
    internal static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _refused = new(StringComparer.Ordinal);
    private bool _out;
    private long _began;
    private long _failed;
    private long _count;

    /// <summary>A call failed.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="refused">The kind of call, where it is the server that refused it; null where it did not get so far.</param>
    public void Failed(string reason, string? refused)
    {
        lock (_lock)
        {
            _failed = time.GetTimestamp();
            _count++;
            if (refused is not null)
            {
                _refused[refused] = _failed;
            }

            if (_out)
            {
                return;
            }

            _out = true;
            _began = _failed;
            _count = 1;
        }

        Begins(logger, reason);
    }

    /// <summary>A call succeeded.</summary>
    /// <param name="name">The kind of call.</param>
    public void Succeeded(string name)
    {
        if (!Volatile.Read(ref _out))
        {
            return;
        }

        TimeSpan lasted;
        long count;
        lock (_lock)
        {
            _refused.Remove(name);
            foreach (var (kind, at) in _refused)
            {
                if (time.GetElapsedTime(at) >= Forgotten)
                {
                    _refused.Remove(kind);
                }
            }

            if (!_out || _refused.Count > 0 || time.GetElapsedTime(_failed) < Quiet)
            {
                return;
            }

            _out = false;
            lasted = time.GetElapsedTime(_began);
            count = _count;
        }

        Ends(logger, (long)lasted.TotalSeconds, count);
    }

    [LoggerMessage(2110, LogLevel.Warning,
        "The fleet directory in Redis can't be used: {Reason}. Invocations go on; what others see of this instance ages until it is back.")]
    private static partial void Begins(ILogger logger, string reason);

    [LoggerMessage(2111, LogLevel.Information, "The fleet directory in Redis is back after {Seconds} s and {Calls} failed calls.")]
    private static partial void Ends(ILogger logger, long seconds, long calls);
}
