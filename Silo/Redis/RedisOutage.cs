using Microsoft.Extensions.Logging;

namespace NoslateFleet.Silo.Redis;

/// <summary>
/// Tells of an outage once when it begins and once when it is over, however many calls fail in between. It is over with the first call that
/// succeeds a while after the last that failed, so that a server on the brink fills no log.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is told.</param>
internal sealed partial class RedisOutage(TimeProvider time, ILogger logger)
{
    /// <summary>How long nothing must have failed.</summary>
    internal static readonly TimeSpan Quiet = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private bool _out;
    private long _began;
    private long _failed;
    private long _count;

    /// <summary>A call failed.</summary>
    /// <param name="reason">Why.</param>
    public void Failed(string reason)
    {
        lock (_lock)
        {
            _failed = time.GetTimestamp();
            _count++;
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
    public void Succeeded()
    {
        if (!Volatile.Read(ref _out))
        {
            return;
        }

        TimeSpan lasted;
        long count;
        lock (_lock)
        {
            if (!_out || time.GetElapsedTime(_failed) < Quiet)
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
