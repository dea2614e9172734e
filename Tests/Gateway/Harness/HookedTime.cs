namespace NoslateFleet.Tests.Gateway.Harness;

/// <summary>A clock in front of another one that lets a test stand between the code and what the clock does: for races with a timer.</summary>
internal sealed class HookedTime(TimeProvider inner) : TimeProvider
{
    [ThreadStatic]
    private static Type? _inCallbackOf;

    /// <summary>Called instead of each timer's callback of that state's type, with the callback to call; null: nothing is hooked.</summary>
    public Action<Type?, Action>? Firing { get; set; }

    /// <summary>Called, on its thread, when a hooked callback of that state's type asks for the time; null: nothing is hooked.</summary>
    public Action<Type>? AskedWhileFiring { get; set; }

    /// <summary>Called before a timer of that state's type is disarmed; null: nothing is hooked.</summary>
    public Action<Type?>? Disarming { get; set; }

    public override long TimestampFrequency => inner.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => inner.GetUtcNow();

    public override long GetTimestamp()
    {
        if (_inCallbackOf is { } type)
        {
            AskedWhileFiring?.Invoke(type);
        }

        return inner.GetTimestamp();
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var type = state?.GetType();
        return new Timer(
            this,
            type,
            inner.CreateTimer(
                value =>
                {
                    if (Firing is { } firing)
                    {
                        firing(type, Call);
                    }
                    else
                    {
                        Call();
                    }

                    void Call()
                    {
                        _inCallbackOf = type;
                        try
                        {
                            callback(value);
                        }
                        finally
                        {
                            _inCallbackOf = null;
                        }
                    }
                },
                state,
                dueTime,
                period));
    }

    private sealed class Timer(HookedTime owner, Type? type, ITimer inner) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime == Timeout.InfiniteTimeSpan)
            {
                owner.Disarming?.Invoke(type);
            }

            return inner.Change(dueTime, period);
        }

        public void Dispose() => inner.Dispose();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
