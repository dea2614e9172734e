using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet.Simulation;

/// <summary>
/// An instance that exists in the directory only. It serves, is frozen and thaws, is drained and comes back as a new process, and now and then is lost
/// in the middle of its work. While it runs it takes orders and goes by the fleet's profiles, as a real one would.
/// </summary>
internal sealed class SimulatedInstance
{
    private static readonly TimeSpan _heartbeat = TimeSpan.FromSeconds(5);

    private readonly string _id;
    private readonly SimulatedFunction[] _functions;
    private readonly Random _random;
    private readonly Func<Receipt, string> _writeReceipt;
    private string _boot = "";
    private long _epoch;
    private long _sequence;
    private InstancePhase _phase = InstancePhase.Starting;
    private DateTimeOffset _at;
    private DateTimeOffset _doneAt;
    private string? _receiptJson;
    private State _state = State.Off;
    private FleetOrder? _drain;
    private long? _fleetProfile;

    public SimulatedInstance(string id, int functions, Func<Receipt, string> writeReceipt, Random random)
    {
        _id = id;
        _writeReceipt = writeReceipt;
        _random = random;

        // Some functions get most of the work, as anywhere.
        _functions = [.. Enumerable.Range(0, functions).Select(i => new SimulatedFunction($"function-{i:00}", 8.0 / (1 + i) / (1 + i)))];
    }

    private enum State
    {
        Off,
        Serving,
        Silent,
        Draining,

        /// <summary>Drained by an order, and there until that is undone or over.</summary>
        Held,
    }

    /// <summary>Lives on until now, and says when to come again.</summary>
    /// <param name="directory">Where it tells of itself.</param>
    /// <param name="now">The time.</param>
    /// <param name="fleetProfile">The version of the fleet's profiles; null if there are none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>After which time to call it again.</returns>
    public async Task<TimeSpan> LiveAsync(IFleetDirectory directory, DateTimeOffset now, long? fleetProfile, CancellationToken cancellationToken)
    {
        var results = new List<FleetOrderResult>();
        var next = Live(now, results, out var receipt);
        if (_state is State.Serving or State.Draining or State.Held)
        {
            _fleetProfile = fleetProfile;
            if (directory is IFleetOrders orders)
            {
                foreach (var open in (await orders.ListAsync(_id, cancellationToken)).Where(static one => one.Result is null))
                {
                    Obey(open.Order, now, results, ref next);
                }
            }
        }

        await directory.PublishAsync(Snapshot(now), cancellationToken);
        if (receipt is not null)
        {
            await directory.AppendAsync(_id, [new InstanceRecord(RecordKind.Receipt, _boot, _epoch, now, receipt)], cancellationToken);
        }

        foreach (var result in results)
        {
            await ((IFleetOrders)directory).CompleteAsync(result, cancellationToken);
        }

        return next;
    }

    /// <summary>Takes an open order.</summary>
    private void Obey(FleetOrder order, DateTimeOffset now, List<FleetOrderResult> results, ref TimeSpan next)
    {
        if (order.Id == _drain?.Id || results.Exists(result => result.OrderId == order.Id))
        {
            return;
        }

        FleetOrderResult Told(FleetOrderOutcome outcome, string detail) => new(order.Id, _id, _boot, _epoch, now, outcome, detail, null);
        switch (order)
        {
            case { ContainerLife: { } life } when life != _id:
                results.Add(Told(FleetOrderOutcome.Refused, "it is for another container"));
                break;
            case { ExpiresAt: var end } when end <= now:
                results.Add(Told(FleetOrderOutcome.Expired, "its time was over"));
                break;
            case { Kind: FleetOrderKind.Drain } when _state == State.Held:
                results.Add(Told(FleetOrderOutcome.Done, "it has drained already"));
                _drain = order;
                break;
            case { Kind: FleetOrderKind.Drain }:
                (_state, _phase, _drain) = (State.Draining, InstancePhase.Draining, order);
                next = Seconds(3, 12);
                break;
            case { Kind: FleetOrderKind.Undrain } when _state == State.Serving:
                results.Add(Told(FleetOrderOutcome.Refused, "it does not drain"));
                break;
            case { Kind: FleetOrderKind.Undrain }:
                if (_state == State.Draining && _drain is { } undone)
                {
                    results.Add(new FleetOrderResult(undone.Id, _id, _boot, _epoch, now, FleetOrderOutcome.Superseded, "it was undone", null));
                }

                results.Add(Told(FleetOrderOutcome.Done, "serves again"));
                next = Serve(now);
                break;
            case { Kind: FleetOrderKind.Flush }:
                results.Add(Told(FleetOrderOutcome.Done, "nothing was held back"));
                break;
            default:
                results.Add(Told(FleetOrderOutcome.Refused, "this version does not know it"));
                break;
        }
    }

    private TimeSpan Serve(DateTimeOffset now)
    {
        _state = State.Serving;
        _phase = InstancePhase.Ready;
        _drain = null;
        _doneAt = now + Seconds(20, 120);
        return Seconds(1, 5);
    }

    private TimeSpan Live(DateTimeOffset now, List<FleetOrderResult> results, out string? receipt)
    {
        receipt = null;
        var time = now - _at;
        _at = now;
        switch (_state)
        {
            case State.Off:
                // A new process of the same container, or the first.
                _boot = _random.NextInt64().ToString("x16", System.Globalization.CultureInfo.InvariantCulture);
                _sequence = 0;
                _epoch++;
                _receiptJson = null;
                Array.ForEach(_functions, static function => function.Restart());
                return Serve(now);
            case State.Silent:
                _epoch++;
                return Serve(now);
            case State.Held:
                return _drain is { } drain && now < drain.ExpiresAt ? _heartbeat : Serve(now);
            case State.Draining:
                Array.ForEach(_functions, static function => function.Finish());
                _phase = InstancePhase.Stopped;
                receipt = _receiptJson = Write(Receipt.PreStop, "order", now);
                if (_drain is { } order)
                {
                    _state = State.Held;
                    results.Add(new FleetOrderResult(order.Id, _id, _boot, _epoch, now, FleetOrderOutcome.Done, "drained", receipt));
                    return _heartbeat;
                }

                _state = State.Off;
                return Seconds(20, 90);
            default:
                Array.ForEach(_functions, function => function.Serve(time, now, _random));
                return Turn(now, out receipt);
        }
    }

    /// <summary>What becomes of an instance that has served for a while.</summary>
    private TimeSpan Turn(DateTimeOffset now, out string? receipt)
    {
        receipt = null;
        if (now < _doneAt)
        {
            return _heartbeat;
        }

        switch (_random.Next(100))
        {
            case < 4 when Totals().InFlight > 0:
                // Its last word is that work runs. What comes after it is a new process.
                _state = State.Off;
                return Seconds(60, 240);
            case < 12:
                _state = State.Draining;
                _phase = InstancePhase.Draining;
                return Seconds(3, 12);
            case < 60:
                Array.ForEach(_functions, static function => function.Finish());
                _state = State.Silent;
                if (_random.Next(2) == 0)
                {
                    _phase = InstancePhase.Frozen;
                    receipt = _receiptJson = Write(Receipt.PreFreeze, "hook", now);
                }

                return Seconds(20, 300);
            default:
                _doneAt = now + Seconds(10, 60);
                return _heartbeat;
        }
    }

    private string Write(string hook, string cause, DateTimeOffset now)
    {
        var totals = Totals();
        var finish = _random.NextDouble() * 800;
        return _writeReceipt(new Receipt(
            hook, cause, _id, _boot, _epoch, _phase, totals.Accepted, totals.Completed, totals.Failed, totals.Cancelled, totals.Abandoned, totals.InFlight,
            [new StepTime("finish", finish, StepTime.Done), new StepTime("flush", 2, StepTime.Done), new StepTime("publish", 1, StepTime.Done)],
            finish + 3, Verdict.Clean, CalledOff: false, now));
    }

    private InstanceSnapshot Snapshot(DateTimeOffset now)
    {
        var totals = Totals();
        return new InstanceSnapshot
        {
            InstanceId = _id,
            Boot = _boot,
            Epoch = _epoch,
            Sequence = ++_sequence,
            Phase = _phase,
            AsOf = now,
            NextWithin = _state == State.Serving && totals.InFlight > 0 ? _heartbeat : null,
            InFlight = totals.InFlight,
            Accepted = totals.Accepted,
            Completed = totals.Completed,
            Failed = totals.Failed,
            Cancelled = totals.Cancelled,
            Abandoned = totals.Abandoned,
            Functions = [.. _functions.Select(function => function.Status(now))],
            LastReceiptJson = _receiptJson,
            ProfileVersion = "simulated",
            FleetProfileVersion = _fleetProfile,
            ContainerLife = _id,
            Topology = FleetTopology.Island,
        };
    }

    private SimulatedFunction.Totals Totals()
    {
        var totals = default(SimulatedFunction.Totals);
        foreach (var function in _functions)
        {
            function.AddTo(ref totals);
        }

        return totals;
    }

    private TimeSpan Seconds(int least, int most) => TimeSpan.FromSeconds(least + (_random.NextDouble() * (most - least)));
}
