using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// Takes the orders to an instance when it is told of them, else when it is told to look: after a thaw, and when the directory is back.
/// Each is run once by a process and gets a result. What is over, or meant for another life of the container, is never run.
/// </summary>
public sealed class OrderRunner : IAsyncDisposable
{
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(5);

    private readonly IFleetOrders _orders;
    private readonly IFleetNotices _notices;
    private readonly IFleetOrderWork _work;
    private readonly Func<InstanceState> _state;
    private readonly InstanceIdentity _identity;
    private readonly string? _containerLife;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopped = new();
    private readonly Lock _lookLock = new();
    private readonly SemaphoreSlim _look = new(1);

    // Used by the loop alone.
    private readonly Dictionary<string, FleetOrderResult> _ended = new(StringComparer.Ordinal);
    private FleetOrder? _draining;
    private Task<FleetOrderEnd>? _drain;
    private IDisposable? _listening;
    private Task _loop = Task.CompletedTask;

    /// <summary>A runner that has not begun.</summary>
    /// <param name="orders">Where the orders are.</param>
    /// <param name="notices">Tells of new ones.</param>
    /// <param name="work">Carries them out.</param>
    /// <param name="state">The instance's epoch, for the results.</param>
    /// <param name="identity">Whose orders are taken.</param>
    /// <param name="containerLife">As <see cref="InstanceSnapshot.ContainerLife"/> tells.</param>
    /// <param name="time">The clock.</param>
    public OrderRunner(
        IFleetOrders orders,
        IFleetNotices notices,
        IFleetOrderWork work,
        Func<InstanceState> state,
        InstanceIdentity identity,
        string? containerLife,
        TimeProvider time)
    {
        _orders = orders;
        _notices = notices;
        _work = work;
        _state = state;
        _identity = identity;
        _containerLife = containerLife;
        _time = time;
    }

    /// <summary>Raised after an order has ended and before its result is stored: the snapshot may have changed with it. Must not throw.</summary>
    public event Action? Ended;

    /// <summary>Begins to take orders; once.</summary>
    public void Start()
    {
        _loop = Task.Run(RunAsync);
        _listening = _notices.Listen(_identity.InstanceId, notice =>
        {
            if (notice is FleetNotice.Order or FleetNotice.Anything)
            {
                Look();
            }
        });
    }

    /// <summary>Looks for orders now: after a thaw.</summary>
    public void Look()
    {
        lock (_lookLock)
        {
            if (_look.CurrentCount == 0 && !_stopped.IsCancellationRequested)
            {
                _look.Release();
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _listening?.Dispose();
        lock (_lookLock)
        {
            // Notices on their way find it ended.
            _stopped.Cancel();
        }

        await _loop;
        _stopped.Dispose();
        _look.Dispose();
    }

    private async Task RunAsync()
    {
        var wait = Timeout.InfiniteTimeSpan;
        while (!_stopped.IsCancellationRequested)
        {
            try
            {
                await WaitAsync(wait);
                wait = await TakeAsync();
            }
            catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
            {
                return;
            }
            catch (Exception)
            {
                // The directory can't be reached, which the publisher tells of: what has ended is kept, and tried again.
                wait = _pause;
            }
        }
    }

    private async Task WaitAsync(TimeSpan wait)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stopped.Token);
        var looked = _look.WaitAsync(over.Token);
        List<Task> any = [looked];
        if (wait != Timeout.InfiniteTimeSpan)
        {
            any.Add(Task.Delay(wait, _time, over.Token));
        }

        if (_drain is not null)
        {
            any.Add(_drain);
        }

        await Task.WhenAny(any);
        await over.CancelAsync();
        await looked.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopped.Token.ThrowIfCancellationRequested();
    }

    /// <returns>After which time to look again, whatever happens.</returns>
    private async Task<TimeSpan> TakeAsync()
    {
        await SettleDrainAsync();
        var states = await _orders.ListAsync(_identity.InstanceId, _stopped.Token);
        foreach (var gone in _ended.Keys.Except(states.Where(static state => state.Result is null).Select(static state => state.Order.Id)).ToList())
        {
            _ended.Remove(gone);
        }

        for (var i = 0; i < states.Count; i++)
        {
            var order = states[i].Order;
            if (states[i].Result is not null || order.Id == _draining?.Id)
            {
                continue;
            }

            if (!_ended.TryGetValue(order.Id, out var result))
            {
                var later = states.Skip(i + 1).Any(state => state.Result is null && Undoes(state.Order, order));
                if (await EndAsync(order, later) is not { } end)
                {
                    continue;
                }

                result = Result(order, end);
                _ended[order.Id] = result;
                Ended?.Invoke();
            }

            await _orders.CompleteAsync(result, _stopped.Token);
        }

        return _draining is { } draining ? Left(draining) : Timeout.InfiniteTimeSpan;
    }

    /// <summary>Whether a later order takes an earlier one's place; it must be one that can still be run.</summary>
    private bool Undoes(FleetOrder later, FleetOrder earlier) =>
        later.Kind is FleetOrderKind.Drain or FleetOrderKind.Undrain
        && earlier.Kind is FleetOrderKind.Drain or FleetOrderKind.Undrain
        && IsOurs(later)
        && Left(later) > TimeSpan.Zero
        && !_ended.ContainsKey(later.Id);

    private bool IsOurs(FleetOrder order) => order.ContainerLife is null || order.ContainerLife == _containerLife;

    private TimeSpan Left(FleetOrder order)
    {
        var left = order.ExpiresAt - _time.GetUtcNow();
        return left <= TimeSpan.Zero ? TimeSpan.Zero : left < TimeSpan.FromDays(1) ? left : TimeSpan.FromDays(1);
    }

    /// <returns>Null for a drain that has begun.</returns>
    private async Task<FleetOrderEnd?> EndAsync(FleetOrder order, bool superseded)
    {
        if (!IsOurs(order))
        {
            return new FleetOrderEnd(FleetOrderOutcome.Refused, "meant for another life of the container");
        }

        if (Left(order) == TimeSpan.Zero)
        {
            return new FleetOrderEnd(FleetOrderOutcome.Expired, "its time was over before the instance came to it");
        }

        if (superseded)
        {
            return new FleetOrderEnd(FleetOrderOutcome.Superseded, "a later order took its place");
        }

        switch (order.Kind)
        {
            case FleetOrderKind.Drain:
                if (_draining is not null)
                {
                    return new FleetOrderEnd(FleetOrderOutcome.Refused, "the instance drains already, by order " + _draining.Id);
                }

                _draining = order;
                _drain = DrainAsync(order);
                return null;
            case FleetOrderKind.Undrain:
                var undone = _work.Undrain(order.By);
                await EndDrainAsync(FleetOrderOutcome.Superseded, "undone by order " + order.Id);
                return undone
                    ? new FleetOrderEnd(FleetOrderOutcome.Done, "the instance serves again")
                    : new FleetOrderEnd(FleetOrderOutcome.Refused, "the instance neither drains nor has it stopped");
            case FleetOrderKind.Flush:
                try
                {
                    await _work.FlushAsync(_stopped.Token);
                    return new FleetOrderEnd(FleetOrderOutcome.Done, "flushed");
                }
                catch (Exception error) when (!_stopped.IsCancellationRequested)
                {
                    return new FleetOrderEnd(FleetOrderOutcome.Failed, error.Message);
                }

            default:
                return new FleetOrderEnd(FleetOrderOutcome.Refused, "this version does not know such an order");
        }
    }

    private async Task<FleetOrderEnd> DrainAsync(FleetOrder order)
    {
        try
        {
            return await _work.DrainAsync(order.By, _stopped.Token);
        }
        catch (Exception error)
        {
            return new FleetOrderEnd(FleetOrderOutcome.Failed, error.Message);
        }
    }

    private async Task SettleDrainAsync()
    {
        if (_drain is not { } drain || _draining is not { } order)
        {
            return;
        }

        if (drain.IsCompleted)
        {
            var end = await drain;
            await EndDrainAsync(end.Outcome, end.Detail, end.ReceiptJson);
        }
        else if (Left(order) == TimeSpan.Zero)
        {
            _work.Undrain(order.By);
            await EndDrainAsync(FleetOrderOutcome.Expired, "not drained in time, and undone");
        }
    }

    private async Task EndDrainAsync(FleetOrderOutcome outcome, string detail, string? receipt = null)
    {
        if (_draining is not { } order)
        {
            return;
        }

        _draining = null;
        _drain = null;
        var result = Result(order, new FleetOrderEnd(outcome, detail, receipt));
        _ended[order.Id] = result;
        Ended?.Invoke();
        await _orders.CompleteAsync(result, _stopped.Token);
    }

    private FleetOrderResult Result(FleetOrder order, FleetOrderEnd end) => new(
        order.Id, order.InstanceId, _identity.Boot, _state().Epoch, _time.GetUtcNow(), end.Outcome, end.Detail, end.ReceiptJson);
}
