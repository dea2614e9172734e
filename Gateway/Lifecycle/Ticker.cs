namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>
/// The process's one tick. By the system's clock it has a thread of its own: measured, a timer that wakes the thread pool costs several times as much,
/// because the pool's workers look out for more work before they sleep, and an idle gateway does little else.
/// </summary>
internal sealed class Ticker : IDisposable
{
    private readonly Action _tick;
    private readonly TimeSpan _interval;
    private readonly ManualResetEvent _stop = new(initialState: false);
    private readonly ITimer? _timer;
    private readonly Thread? _thread;
    private bool _disposed;

    public Ticker(Action tick, TimeSpan interval, TimeProvider time)
    {
        _tick = tick;
        _interval = interval;
        if (time == TimeProvider.System)
        {
            _thread = new Thread(Run) { IsBackground = true, Name = "NoslateFleet tick" };
            _thread.Start();
        }
        else
        {
            _timer = time.CreateTimer(static ticker => ((Ticker)ticker!)._tick(), this, interval, interval);
        }
    }

    public void Dispose()
    {
        // The container disposes of a service once for each name it is registered under.
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        _timer?.Dispose();
        _stop.Set();
        _thread?.Join();
        _stop.Dispose();
    }

    private void Run()
    {
        while (!_stop.WaitOne(_interval))
        {
            _tick();
        }
    }
}
