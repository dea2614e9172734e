using System.Collections.Concurrent;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

/// <summary>How a piece of <see cref="FakeWork"/> goes about it.</summary>
public enum Way
{
    /// <summary>Done at once.</summary>
    Works,

    /// <summary>Throws before it returns a task.</summary>
    Throws,

    /// <summary>Its task fails.</summary>
    Fails,

    /// <summary>Never ends, and heeds no token.</summary>
    Hangs,

    /// <summary>Holds its thread until the test is over.</summary>
    Blocks,

    /// <summary>Ends when its token is cancelled.</summary>
    Heeds,

    /// <summary>Hangs, and throws at whoever cancels its token.</summary>
    ThrowsAtCancel,

    /// <summary>Ends when the test says so, or when its token is cancelled.</summary>
    Held,
}

/// <summary>
/// The work around a lifecycle, as good or bad as the test wants it. What each piece of work is called is its method's name.
/// </summary>
internal sealed class FakeWork : IInstanceWork, IDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(20);

    private readonly ConcurrentDictionary<string, Piece> _pieces = new(StringComparer.Ordinal);
    private readonly ManualResetEventSlim _over = new();

    /// <summary>The names of what was called, in order.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>What the drains that began were told.</summary>
    public ConcurrentQueue<DrainBeginning> Drains { get; } = new();

    /// <summary>The gaps of the thaws told.</summary>
    public ConcurrentQueue<TimeSpan> Gaps { get; } = new();

    /// <summary>What PrepareAsync says is missing when it works, and when it heeds its token.</summary>
    public string? Missing { get; set; }

    /// <summary>Called by DrainBegins and DrainOver, on their thread.</summary>
    public Action<string> OnNote { get; set; } = _ => { };

    public Way this[string name]
    {
        set => Of(name).Way = value;
    }

    public int Count(string name) => Calls.Count(call => call == name);

    /// <summary>Completes once a piece of work has been called that often.</summary>
    public Task WhenCalledAsync(string name, int times = 1) => Of(name).WhenCalledAsync(times).WaitAsync(_limit);

    /// <summary>Ends work that is held.</summary>
    public void Release(string name) => Of(name).Held.TrySetResult();

    public async Task<string?> PrepareAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Do(nameof(PrepareAsync), cancellationToken);
            return Missing;
        }
        catch (OperationCanceledException) when (Missing is not null)
        {
            return Missing;
        }
    }

    public Task CheckDataPlaneAsync(CancellationToken cancellationToken) => Do(nameof(CheckDataPlaneAsync), cancellationToken);

    public Task WorkersIdleAsync(CancellationToken cancellationToken) => Do(nameof(WorkersIdleAsync), cancellationToken);

    public Task FlushAsync(CancellationToken cancellationToken) => Do(nameof(FlushAsync), cancellationToken);

    public Task PublishAsync(Receipt receipt, CancellationToken cancellationToken) => Do(nameof(PublishAsync), cancellationToken);

    public void Thawed(TimeSpan gap)
    {
        Gaps.Enqueue(gap);
        DoAtOnce(nameof(Thawed));
    }

    public void DrainBegins(DrainBeginning drain)
    {
        Drains.Enqueue(drain);
        DoAtOnce(nameof(DrainBegins));
        OnNote(nameof(DrainBegins));
    }

    public void DrainOver()
    {
        DoAtOnce(nameof(DrainOver));
        OnNote(nameof(DrainOver));
    }

    /// <summary>Lets go of the threads that are blocked.</summary>
    public void Dispose() => _over.Set();

    private Piece Of(string name) => _pieces.GetOrAdd(name, _ => new Piece());

    private void DoAtOnce(string name)
    {
        Call(name);
        switch (Of(name).Way)
        {
            case Way.Throws:
                throw new InvalidOperationException(name + " is broken");
            case Way.Blocks:
                _over.Wait(_limit * 3);
                break;
        }
    }

    private Task Do(string name, CancellationToken cancellationToken)
    {
        Call(name);
        switch (Of(name).Way)
        {
            case Way.Throws:
                throw new InvalidOperationException(name + " is broken");
            case Way.Fails:
                return Task.FromException(new InvalidOperationException(name + " is broken"));
            case Way.Hangs:
                return new TaskCompletionSource().Task;
            case Way.Blocks:
                _over.Wait(_limit * 3, CancellationToken.None);
                return Task.CompletedTask;
            case Way.Heeds:
                return Task.Delay(Timeout.Infinite, cancellationToken);
            case Way.ThrowsAtCancel:
                cancellationToken.Register(() => throw new InvalidOperationException(name + " is broken"));
                return new TaskCompletionSource().Task;
            case Way.Held:
                return Of(name).Held.Task.WaitAsync(cancellationToken);
            default:
                return Task.CompletedTask;
        }
    }

    private void Call(string name)
    {
        Calls.Enqueue(name);
        Of(name).Call();
    }

    private sealed class Piece
    {
        private readonly Lock _lock = new();
        private readonly List<(int Times, TaskCompletionSource Reached)> _waiters = [];
        private int _calls;

        public volatile Way Way;

        public TaskCompletionSource Held { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Call()
        {
            lock (_lock)
            {
                _calls++;
                _waiters.FindAll(waiter => waiter.Times <= _calls).ForEach(waiter => waiter.Reached.TrySetResult());
            }
        }

        public Task WhenCalledAsync(int times)
        {
            lock (_lock)
            {
                var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _waiters.Add((times, reached));
                if (_calls >= times)
                {
                    reached.SetResult();
                }

                return reached.Task;
            }
        }
    }
}
