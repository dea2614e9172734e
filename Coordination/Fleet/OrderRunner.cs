using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// Carries out the orders to this instance: at its start, when it is told of one, after a thaw, and when the directory is back. Each is
/// carried out at most once by a process and gets a result, which is tried again until the directory has it. What is over, or meant for another life of
/// the container, is never carried out. Boot and epoch don't matter: an open drain is taken up by the process that comes after.
/// </summary>
/// <remarks>Nothing in here throws at its caller, and no lock is held while anything is waited for.</remarks>
public sealed class OrderRunner : IAsyncDisposable
{
    /// <summary>How long a flush may take: other orders wait for it.</summary>
    public static readonly TimeSpan FlushTime = TimeSpan.FromSeconds(10);

    private const string Cause = "order";

    /// <summary>Results kept in mind: a directory that comes back with an older state must not have an order carried out twice.</summary>
    private const int MaxRemembered = 1024;

    // The longest time that a timer takes at once; what is left is waited for then.
    private static readonly TimeSpan _longestWait = TimeSpan.FromDays(1);

    private readonly IFleetOrders _orders;
    private readonly IFleetNotices _notices;
    private readonly InstanceLifecycle _lifecycle;
    private readonly string? _containerLife;
    private readonly OrderMeans _means;
    private readonly TimeProvider _time;
    private readonly LookLoop _loop;
    private readonly Lock _lock = new();

    // Guarded by the lock.
    private readonly List<Handed> _handed = [];
    private bool _started;
    private bool _stopped;

    // Of the loop alone.
    private readonly Dictionary<string, FleetOrderResult> _ended = new(StringComparer.Ordinal);
    private readonly Queue<string> _endedInOrder = new();
    private readonly HashSet<string> _undelivered = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, FleetOrder> _unplaced = new(StringComparer.Ordinal);
    private Hold? _hold;
    private (DateTimeOffset Time, long Read)? _clock;

    /// <summary>A runner that has not begun.</summary>
    /// <param name="orders">Where the orders are.</param>
    /// <param name="notices">Tells of new ones.</param>
    /// <param name="lifecycle">The instance.</param>
    /// <param name="containerLife">As <see cref="InstanceSnapshot.ContainerLife"/> tells.</param>
    /// <param name="means">What an order needs besides.</param>
    /// <param name="time">The clock.</param>
    public OrderRunner(
        IFleetOrders orders, IFleetNotices notices, InstanceLifecycle lifecycle, string? containerLife, OrderMeans means, TimeProvider time)
    {
        _orders = orders;
        _notices = notices;
        _lifecycle = lifecycle;
        _containerLife = containerLife;
        _means = means;
        _time = time;
        _loop = new LookLoop("orders", lifecycle, RoundAsync, Wait, time);
    }

    /// <summary>Begins to take orders. Does nothing the second time.</summary>
    public void Start()
    {
        lock (_lock)
        {
            _started = true;
        }

        _loop.Start(() => _notices.Listen(_lifecycle.Identity.InstanceId, notice =>
        {
            if (notice is FleetNotice.Order or FleetNotice.Anything)
            {
                Look();
            }
        }));
    }

    /// <summary>
    /// Takes an order that has come by another way than the directory, which may be away. It is the same order as one of its id there: whichever way it
    /// comes first, it is carried out once.
    /// </summary>
    /// <param name="order">The order.</param>
    /// <returns>Ends when it was carried out, or when a drain has begun. The directory gets the order and what became of it, once it is there.</returns>
    /// <exception cref="InvalidOperationException">No orders are taken: not yet, or not any more.</exception>
    public Task TakeAsync(FleetOrder order)
    {
        var handed = new Handed(order);
        lock (_lock)
        {
            if (!_started || _stopped)
            {
                return Task.FromException(new InvalidOperationException("the instance takes no orders: it starts, or it ends"));
            }

            _handed.Add(handed);
        }

        Look();
        return handed.Done.Task;
    }

    /// <summary>Looks for orders now.</summary>
    public void Look() => _loop.Look();

    /// <summary>Ends the taking of orders. A drain that is under way goes on, and its order stays open for the process that comes after.</summary>
    public async ValueTask DisposeAsync()
    {
        await _loop.DisposeAsync();
        List<Handed> left;
        lock (_lock)
        {
            _stopped = true;
            left = [.. _handed];
            _handed.Clear();
        }

        left.ForEach(static handed => handed.Done.TrySetCanceled());
    }

    private async Task RoundAsync(CancellationToken cancellationToken)
    {
        List<Handed> handed;
        lock (_lock)
        {
            handed = [.. _handed];
        }

        try
        {
            SettleHold();
            if (_means.IsFencedOff?.Invoke() == true)
            {
                handed.ForEach(static one => one.Done.TrySetException(new InvalidOperationException("a later process of this instance takes its orders")));
                Settle(handed);
                return;
            }

            await DeliverAsync(cancellationToken);
            var listed = await _orders.ListAsync(_lifecycle.Identity.InstanceId, cancellationToken);
            if (listed is [.., { AsOf: { } asOf }])
            {
                _clock = (asOf, _time.GetTimestamp());
            }

            handed.Where(one => listed.All(state => state.Order.Id != one.Order.Id)).ToList().ForEach(one => Unplaced(one.Order));
            await CarryOutAsync(With(listed, handed), cancellationToken);
            Settle(handed);
            await PlaceAsync(cancellationToken);
            await DeliverAsync(cancellationToken);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            // They came by another way because the directory may be away: they don't wait for it. What has ended is kept, and told later.
            handed.RemoveAll(static one => one.Done.Task.IsCompleted);
            handed.ForEach(one => Unplaced(one.Order));
            await CarryOutWithoutDirectoryAsync(handed, cancellationToken);
            throw;
        }
    }

    private async Task CarryOutWithoutDirectoryAsync(List<Handed> handed, CancellationToken cancellationToken)
    {
        try
        {
            await CarryOutAsync(With([], handed), cancellationToken);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            handed.ForEach(one => one.Done.TrySetException(error));
        }

        Settle(handed);
    }

    /// <summary>What the directory has, and after it what has come by another way and is not there.</summary>
    private static List<FleetOrderState> With(IReadOnlyList<FleetOrderState> listed, List<Handed> handed) =>
        [.. listed, .. handed.Where(one => listed.All(state => state.Order.Id != one.Order.Id)).Select(static one => new FleetOrderState(one.Order, null))];

    private void Settle(List<Handed> handed)
    {
        lock (_lock)
        {
            handed.ForEach(one => _handed.Remove(one));
        }

        handed.ForEach(static one => one.Done.TrySetResult());
    }

    private async Task CarryOutAsync(List<FleetOrderState> states, CancellationToken cancellationToken)
    {
        foreach (var (order, later) in Open(states))
        {
            await CarryOutAsync(order, later, cancellationToken);
        }
    }

    private LookWait Wait() => _hold is { } hold ? new LookWait(Left(hold.Order), hold.Told ? null : hold.Stop) : new LookWait(Timeout.InfiniteTimeSpan);

    /// <summary>The orders that have to be carried out, each with the later one that takes its place, if any.</summary>
    private List<(FleetOrder Order, FleetOrder? Later)> Open(List<FleetOrderState> states)
    {
        var open = new List<(FleetOrder, FleetOrder?)>();
        FleetOrder? later = null;
        for (var i = states.Count - 1; i >= 0; i--)
        {
            var order = states[i].Order;
            if (_ended.ContainsKey(order.Id))
            {
                if (states[i].Result is null)
                {
                    // The directory has lost the result, or never had it.
                    _undelivered.Add(order.Id);
                }
            }
            else if (states[i].Result is not null)
            {
                continue;
            }
            else if (order.Id != _hold?.Order.Id)
            {
                open.Add((order, later));
            }

            // One that has ended here counts too: it may have come by another way, before those that stand ahead of it in the directory.
            if (later is null && order.Kind is FleetOrderKind.Drain or FleetOrderKind.Undrain && IsOurs(order) && Left(order) > TimeSpan.Zero)
            {
                later = order;
            }
        }

        open.Reverse();
        return open;
    }

    private bool IsOurs(FleetOrder order) => order.ContainerLife is null || order.ContainerLife == _containerLife;

    /// <summary>The time by the clock that orders go by, as far as it is known: an instance's own may be minutes off, and orders last as little.</summary>
    private DateTimeOffset Now() => _clock is { } clock ? clock.Time + _time.GetElapsedTime(clock.Read) : _time.GetUtcNow();

    private TimeSpan Left(FleetOrder order)
    {
        var left = order.ExpiresAt - Now();
        return left <= TimeSpan.Zero ? TimeSpan.Zero : left < _longestWait ? left : _longestWait;
    }

    private async Task CarryOutAsync(FleetOrder order, FleetOrder? later, CancellationToken cancellationToken)
    {
        if (!IsOurs(order))
        {
            End(order, FleetOrderOutcome.Refused, "it is for another life of the container");
        }
        else if (Left(order) == TimeSpan.Zero)
        {
            End(order, FleetOrderOutcome.Expired, "its time was over before the instance came to it");
        }
        else
        {
            switch (order.Kind)
            {
                case FleetOrderKind.Drain or FleetOrderKind.Undrain when later is not null:
                    End(order, FleetOrderOutcome.Superseded, $"order {later.Id} took its place");
                    break;
                case FleetOrderKind.Drain:
                    Drain(order);
                    break;
                case FleetOrderKind.Undrain:
                    Undrain(order);
                    break;
                case FleetOrderKind.Flush:
                    await FlushAsync(order, cancellationToken);
                    break;
                default:
                    End(order, FleetOrderOutcome.Refused, "this version of the program does not know such an order");
                    break;
            }
        }
    }

    private void Drain(FleetOrder order)
    {
        _lifecycle.Recorder.Record(_lifecycle.State.Epoch, Cause, $"drain, by {order.By}, until {order.ExpiresAt:O}");
        var before = _hold;
        _hold = new Hold(order, _lifecycle.StopAsync(Cause));
        if (before is { Told: false })
        {
            End(before.Order, FleetOrderOutcome.Superseded, $"order {order.Id} took its place");
        }
    }

    private void Undrain(FleetOrder order)
    {
        _lifecycle.Recorder.Record(_lifecycle.State.Epoch, Cause, "undrain, by " + order.By);
        var undone = _lifecycle.Undrain(Cause);
        if (_hold is { Told: false } hold)
        {
            End(hold.Order, FleetOrderOutcome.Superseded, "undone by order " + order.Id);
        }

        _hold = null;
        if (undone)
        {
            End(order, FleetOrderOutcome.Done, "the instance serves again");
        }
        else
        {
            End(order, FleetOrderOutcome.Refused, "the instance neither drains nor has it stopped");
        }
    }

    private async Task FlushAsync(FleetOrder order, CancellationToken cancellationToken)
    {
        using var time = new CancellationTokenSource(FlushTime, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(time.Token, cancellationToken);
        try
        {
            await Task.Run(() => _means.FlushAsync(either.Token), CancellationToken.None).WaitAsync(either.Token);
            End(order, FleetOrderOutcome.Done, "flushed");
        }
        catch (OperationCanceledException) when (time.IsCancellationRequested)
        {
            End(order, FleetOrderOutcome.Failed, $"not flushed within {FlushTime.TotalSeconds} s");
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            End(order, FleetOrderOutcome.Failed, error.Message);
        }
    }

    /// <summary>A drain that has ended is told; one whose order is over is undone.</summary>
    private void SettleHold()
    {
        if (_hold is not { } hold)
        {
            return;
        }

        if (!hold.Told && hold.Stop.IsCompletedSuccessfully)
        {
            var receipt = hold.Stop.Result;
            if (receipt.CalledOff)
            {
                End(hold.Order, FleetOrderOutcome.Superseded, "undone on the instance itself", receipt);
                _hold = null;
                return;
            }

            var (outcome, detail) = receipt switch
            {
                { Verdict: Verdict.Clean } => (FleetOrderOutcome.Done, "drained"),
                { Abandoned: > 0 } or { InFlight: > 0 } => (FleetOrderOutcome.Failed, "drained by force"),
                _ => (FleetOrderOutcome.Done, "drained; not done: " + NotDone(receipt)),
            };
            End(hold.Order, outcome, detail, receipt);
            _hold = hold = hold with { Told = true };
        }

        if (Left(hold.Order) > TimeSpan.Zero)
        {
            return;
        }

        // Not one that a hook or a signal has begun, or has joined: the process is about to end.
        var undone = _lifecycle.UndoStop(hold.Stop, Cause, "the order expired");
        if (!hold.Told)
        {
            End(hold.Order, FleetOrderOutcome.Expired, undone ? "not drained within its time, and undone" : "not drained within its time");
        }
        else if (undone)
        {
            _means.Changed();
        }

        _hold = null;
    }

    private static string NotDone(Receipt receipt) =>
        string.Join(", ", receipt.Steps.Where(static step => step.Outcome != StepTime.Done).Select(static step => step.Step));

    private void End(FleetOrder order, FleetOrderOutcome outcome, string detail, Receipt? receipt = null)
    {
        var identity = _lifecycle.Identity;
        var epoch = _lifecycle.State.Epoch;
        _lifecycle.Recorder.Record(epoch, Cause, $"{order.Kind}: {outcome}, {detail}");
        _ended[order.Id] = new FleetOrderResult(
            order.Id, identity.InstanceId, identity.Boot, epoch, Now(), outcome, detail, receipt is null ? null : _means.WriteReceipt(receipt));
        _endedInOrder.Enqueue(order.Id);
        _undelivered.Add(order.Id);
        if (_endedInOrder.Count > MaxRemembered)
        {
            var oldest = _endedInOrder.Dequeue();
            _ended.Remove(oldest);
            _undelivered.Remove(oldest);
        }

        _means.Changed();
    }

    /// <summary>The order is to stand in the directory as others do, for those who ask what became of it, and for the process that comes after.</summary>
    private void Unplaced(FleetOrder order)
    {
        if (_unplaced.Count < MaxRemembered)
        {
            _unplaced.TryAdd(order.Id, order);
        }
    }

    /// <summary>Not before what stands in the directory was carried out: whatever is placed there is the later one.</summary>
    private async Task PlaceAsync(CancellationToken cancellationToken)
    {
        foreach (var order in _unplaced.Values.ToArray())
        {
            var now = Now();
            await _orders.PlaceAsync(
                order with { ContainerLife = order.ContainerLife ?? _containerLife, PlacedAt = now, ExpiresAt = order.ExpiresAt > now ? order.ExpiresAt : now },
                cancellationToken);
            _unplaced.Remove(order.Id);
        }
    }

    private async Task DeliverAsync(CancellationToken cancellationToken)
    {
        foreach (var id in _undelivered.Where(id => !_unplaced.ContainsKey(id)).ToArray())
        {
            // False where the order is gone or has a result: then nobody waits for this one.
            await _orders.CompleteAsync(_ended[id], cancellationToken);
            _undelivered.Remove(id);
        }
    }

    /// <summary>A drain that this process has begun, held until it is undone or its order expires.</summary>
    /// <param name="Order">Its order.</param>
    /// <param name="Stop">The stop.</param>
    /// <param name="Told">Whether the order has its result.</param>
    private sealed record Hold(FleetOrder Order, Task<Receipt> Stop, bool Told = false);

    /// <summary>An order that has come by another way than the directory.</summary>
    /// <param name="order">The order.</param>
    private sealed class Handed(FleetOrder order)
    {
        public FleetOrder Order { get; } = order;

        /// <summary>Ends when it was carried out.</summary>
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
