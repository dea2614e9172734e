using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Forwarding;

/// <summary>
/// Ends a response whose body stands still, or outlives its total time, by a call-back. It is made only when a body first has to
/// be waited for, and passing a byte costs it nothing: it looks at the byte counts from time to time instead.
/// </summary>
internal sealed class BodyWatch : IDisposable
{
    private const int LooksPerIdle = 4;

    /// <summary>A look this late means that the process stood still. What has come meanwhile is read first.</summary>
    private static readonly TimeSpan _late = TimeSpan.FromSeconds(1);

    private readonly InvocationCall _call;
    private readonly TrackedConnection? _connection;
    private readonly TimeProvider _time;
    private readonly TimeSpan? _idle;
    private readonly long _startedAt;
    private readonly TimeSpan? _total;
    private readonly Action _expired;
    private readonly ITimer? _timer;
    private readonly Lock _gate = new();
    private string? _reason;
    private bool _over;
    private long _received;
    private long _seen;
    private long _movedAt;
    private long _due;
    private bool _excused;

    /// <summary>Starts the watch.</summary>
    /// <param name="call">The call whose upload is watched.</param>
    /// <param name="connection">The client's connection; null if nobody keeps it in view.</param>
    /// <param name="time">The clock.</param>
    /// <param name="idle">Time without a byte either way; null: no limit.</param>
    /// <param name="startedAt">The request's start, as a timestamp of <paramref name="time"/>.</param>
    /// <param name="total">Time from there to the end; null: no limit.</param>
    /// <param name="expired">Called at most once, on a timer's thread, and never once <see cref="Dispose"/> has returned.</param>
    public BodyWatch(
        InvocationCall call, TrackedConnection? connection, TimeProvider time, TimeSpan? idle, long startedAt, TimeSpan? total, Action expired)
    {
        _call = call;
        _connection = connection;
        _time = time;
        _idle = idle;
        _startedAt = startedAt;
        _total = total;
        _expired = expired;
        _movedAt = time.GetTimestamp();
        if (idle is null && total is null)
        {
            return;
        }

        _timer = time.CreateTimer(static watch => ((BodyWatch)watch!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        LookLater();
    }

    /// <summary>Why the watch ended the response; null if it did not. Final once <see cref="Dispose"/> has returned.</summary>
    public string? Expired => Volatile.Read(ref _reason);

    /// <summary>Counts response bytes that went out.</summary>
    /// <param name="bytes">How many.</param>
    public void Received(int bytes) => Volatile.Write(ref _received, _received + bytes);

    /// <summary>
    /// Ends the watch. A look that has begun is waited for: the connection it would abort, and the call whose bytes it counts, may
    /// be another request's right after this.
    /// </summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _over = true;
        }

        _timer?.Dispose();
    }

    private void Look()
    {
        lock (_gate)
        {
            if (!_over)
            {
                LookAtBytes();
            }
        }
    }

    private void LookAtBytes()
    {
        // Bytes that the client takes were handed to the system long before: to a slow one it passes them on for minutes.
        var moved = Volatile.Read(ref _received) + _call.BytesSent + (_connection?.BytesTaken ?? 0);
        var now = _time.GetTimestamp();
        if (moved != _seen)
        {
            _seen = moved;
            _movedAt = now;
            _excused = false;
        }
        else if (!_excused && _time.GetElapsedTime(_due, now) > _late)
        {
            _excused = true;
            LookLater();
            return;
        }

        if (_total is { } total && _time.GetElapsedTime(_startedAt) >= total)
        {
            Expire("the function timeout");
        }
        else if (_idle is { } idle && _time.GetElapsedTime(_movedAt) >= idle)
        {
            Expire("the idle timeout");
        }
        else
        {
            LookLater();
        }
    }

    private void LookLater()
    {
        var next = NextLook();
        _due = _time.GetTimestamp() + (long)(next.TotalSeconds * _time.TimestampFrequency);
        _timer!.Change(next, Timeout.InfiniteTimeSpan);
    }

    private void Expire(string reason)
    {
        _over = true;
        Volatile.Write(ref _reason, reason);
        _expired();
    }

    private TimeSpan NextLook()
    {
        var next = _idle is { } idle ? idle / LooksPerIdle : TimeSpan.MaxValue;
        if (_total is { } total && total - _time.GetElapsedTime(_startedAt) is var rest && rest < next)
        {
            next = rest;
        }

        // A timer takes whole milliseconds and would fire at once, again and again, for less.
        return next < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : next > TimeSpan.FromDays(1) ? TimeSpan.FromDays(1) : next;
    }
}
