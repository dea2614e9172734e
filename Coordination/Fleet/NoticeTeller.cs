namespace NoslateFleet.Coordination.Fleet;

/// <summary>Tells one listener of notices, one at a time and never on the thread of whoever tells; what is already on its way to it is not told twice.</summary>
/// <param name="handler">The listener. Must not throw.</param>
public sealed class NoticeTeller(Action<FleetNotice> handler)
{
    private readonly Lock _lock = new();
    private readonly Queue<FleetNotice> _pending = new();
    private bool _telling;
    private bool _closed;

    /// <summary>Tells the listener, soon. Does nothing once closed.</summary>
    /// <param name="notice">What.</param>
    public void Tell(FleetNotice notice)
    {
        lock (_lock)
        {
            if (_closed || _pending.Contains(notice))
            {
                return;
            }

            _pending.Enqueue(notice);
            if (_telling)
            {
                return;
            }

            _telling = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static teller => teller.Run(), this, preferLocal: false);
    }

    /// <summary>Tells nothing any more, also not what is on its way; a call of the listener that has begun goes on.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
            _pending.Clear();
        }
    }

    private void Run()
    {
        while (true)
        {
            FleetNotice notice;
            lock (_lock)
            {
                if (!_pending.TryDequeue(out notice))
                {
                    _telling = false;
                    return;
                }
            }

            handler(notice);
        }
    }
}
