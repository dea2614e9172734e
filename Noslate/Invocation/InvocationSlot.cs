using System.Collections.Concurrent;
using System.Net.Http;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Invocation;

/// <summary>The expensive parts of a call, kept for the next one when a call ended well.</summary>
internal sealed class InvocationSlot : IDisposable
{
    private static readonly Uri FunctionUri = PlaneChannel.UriOf("/noslated.data.PushServer/invoke");
    private static readonly Uri ServiceUri = PlaneChannel.UriOf("/noslated.data.PushServer/invokeService");

    // A timer this late means that the process stood still. What has come meanwhile was in time, and is read first.
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _cancellation = new();
    private long _armedAt;
    private TimeSpan _limit;
    private bool _armed;
    private bool _excused;

    private InvocationSlot(TimeProvider time)
    {
        _time = time;
        Request = PlaneChannel.CreateRequest(FunctionUri, Content);
        _timer = time.CreateTimer(static state => ((InvocationSlot)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public HttpRequestMessage Request { get; }

    public InvocationContent Content { get; } = new();

    public ResponseDecoder Decoder { get; } = new();

    /// <summary>Cancelled when the time for the head is over or <see cref="Cancel"/> was called.</summary>
    public CancellationToken Token => _cancellation.Token;

    /// <summary>True when the time for the head ran out.</summary>
    public bool TimedOut { get; private set; }

    public void SetTarget(InvocationTarget target) => Request.RequestUri = target == InvocationTarget.Service ? ServiceUri : FunctionUri;

    /// <summary>Starts the time for the head.</summary>
    public void Arm(TimeSpan limit)
    {
        lock (_gate)
        {
            _armed = true;
            _excused = false;
            _armedAt = _time.GetTimestamp();
            _limit = limit;
        }

        _timer.Change(limit, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Stops the time. Afterwards <see cref="Token"/> is no longer cancelled by it.</summary>
    public void Disarm()
    {
        lock (_gate)
        {
            _armed = false;
        }

        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>What is left of the time for the head, before it was disarmed.</summary>
    public TimeSpan TimeLeft()
    {
        lock (_gate)
        {
            return _limit - _time.GetElapsedTime(_armedAt);
        }
    }

    public void Cancel() => _cancellation.Cancel();

    public void Dispose()
    {
        Disarm();
        _timer.Dispose();
        Decoder.Dispose();
        Request.Dispose();
        _cancellation.Dispose();
    }

    // A callback that was already on its way when the slot was disarmed can come during the next call. It sees that call's own
    // limit then, and waits on; likewise when the timer is a little early.
    private void OnTimer()
    {
        lock (_gate)
        {
            if (!_armed)
            {
                return;
            }

            TimeSpan rest = _limit - _time.GetElapsedTime(_armedAt);
            if (rest > TimeSpan.Zero)
            {
                // Whole milliseconds, since a timer cuts the rest off and would come early for ever.
                _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(rest.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
                return;
            }

            if (!_excused && -rest > Late)
            {
                _excused = true;
                _timer.Change(Invoker.Grace, Timeout.InfiniteTimeSpan);
                return;
            }

            TimedOut = true;
            _cancellation.Cancel();
        }
    }

    private bool TryReset()
    {
        if (!_cancellation.TryReset())
        {
            return false;
        }

        Content.Reset();
        Decoder.Reset();
        return true;
    }

    /// <summary>Keeps slots between calls.</summary>
    internal sealed class Pool(TimeProvider time) : IDisposable
    {
        // As many as calls run at a time on a busy instance; each holds about 9 KiB.
        private const int Limit = 256;

        private readonly ConcurrentQueue<InvocationSlot> _slots = new();
        private int _count;
        private volatile bool _disposed;

        public InvocationSlot Rent()
        {
            if (_slots.TryDequeue(out InvocationSlot? slot))
            {
                Interlocked.Decrement(ref _count);
                return slot;
            }

            return new InvocationSlot(time);
        }

        /// <summary>Takes a slot back.</summary>
        /// <param name="slot">The slot; not to be used afterwards.</param>
        /// <param name="clean">True when its call ended well and nobody can still hold on to its parts.</param>
        public void Return(InvocationSlot slot, bool clean)
        {
            if (clean && !_disposed && slot.TryReset())
            {
                if (Interlocked.Increment(ref _count) <= Limit)
                {
                    _slots.Enqueue(slot);
                    return;
                }

                Interlocked.Decrement(ref _count);
            }

            slot.Drop(clean);
        }

        public void Dispose()
        {
            _disposed = true;
            while (_slots.TryDequeue(out InvocationSlot? slot))
            {
                slot.Dispose();
            }
        }
    }

    // After a bad end System.Net.Http or a read in progress may still hold the buffers: they go to the garbage collector, not to a pool.
    private void Drop(bool clean)
    {
        if (clean)
        {
            Dispose();
        }
        else
        {
            Disarm();
            _timer.Dispose();
        }
    }
}
