using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Fleet.Simulation;

/// <summary>A function on a simulated instance. Its counters obey the conservation law.</summary>
internal sealed class SimulatedFunction(string name, double rate)
{
    private const int MaxWorkers = 4;
    private const int RequestsPerWorker = 10;

    private static readonly TimeSpan _keptWarm = TimeSpan.FromSeconds(60);

    private long _accepted;
    private long _completed;
    private long _failed;
    private long _cancelled;
    private long _abandoned;
    private long _coldStarts;
    private long _coldStartsAvoided;
    private int _inFlight;
    private int _workers;
    private int _workerNumber;
    private bool _starting;
    private DateTimeOffset _usedAt;
    private FunctionStatus? _status;

    public int InFlight => _inFlight;

    /// <summary>Requests come for a while, and most of them end in it.</summary>
    public void Serve(TimeSpan time, DateTimeOffset now, Random random)
    {
        var come = Count(rate * time.TotalSeconds, random);
        if (come == 0 && _inFlight == 0)
        {
            Cool(now);
            return;
        }

        if (come > 0)
        {
            _usedAt = now;
            if (_workers == 0)
            {
                _coldStarts++;
                _coldStartsAvoided += come - 1;
                _starting = true;
                _workers = 1;
            }
            else
            {
                _starting = false;
                _coldStartsAvoided += come;
            }
        }

        _accepted += come;
        var open = _inFlight + come;
        var left = (int)Math.Min(open, Count(rate * 0.05, random));
        for (var ended = open - left; ended > 0; ended--)
        {
            switch (random.Next(1000))
            {
                case < 4:
                    _failed++;
                    break;
                case < 7:
                    _cancelled++;
                    break;
                default:
                    _completed++;
                    break;
            }
        }

        _inFlight = left;
        _workers = Math.Clamp((left / RequestsPerWorker) + 1, _workers, MaxWorkers);
        _status = null;
    }

    /// <summary>What is in flight ends; nothing new comes.</summary>
    public void Finish()
    {
        if (_inFlight > 0)
        {
            _completed += _inFlight;
            _inFlight = 0;
            _status = null;
        }

        _starting = false;
    }

    /// <summary>A new process: it has served nothing yet, and has no workers.</summary>
    public void Restart()
    {
        _accepted = _completed = _failed = _cancelled = _abandoned = _coldStarts = _coldStartsAvoided = 0;
        _inFlight = _workers = 0;
        _starting = false;
        _status = null;
    }

    public void AddTo(ref Totals totals)
    {
        totals.Accepted += _accepted;
        totals.Completed += _completed;
        totals.Failed += _failed;
        totals.Cancelled += _cancelled;
        totals.Abandoned += _abandoned;
        totals.InFlight += _inFlight;
    }

    /// <summary>What is known of it. The same object until something changes.</summary>
    public FunctionStatus Status(DateTimeOffset now) => _status ??= new FunctionStatus(
        name,
        _workers == 0 ? FunctionTemperature.Cold
            : _starting ? FunctionTemperature.Warming
            : _inFlight >= _workers * RequestsPerWorker ? FunctionTemperature.Saturated
            : FunctionTemperature.Warm,
        [.. Enumerable.Range(0, _workers).Select(Worker)],
        new FunctionCounters(
            name, _accepted, _completed, _failed, _cancelled, _abandoned, _inFlight,
            _accepted == 0 ? null : TimeSpan.FromMilliseconds(5 + (name.Length % 7 * 3)), _coldStarts, _coldStartsAvoided),
        now);

    private static int Count(double expected, Random random)
    {
        // Spread like arrivals that know nothing of each other, well enough for a picture.
        var spread = expected + (Math.Sqrt(expected) * ((random.NextDouble() * 2) - 1));
        var whole = (int)Math.Max(0, spread);
        return whole + (random.NextDouble() < spread - whole ? 1 : 0);
    }

    private WorkerFact Worker(int index) => new(
        $"{name}-{_workerNumber + index}",
        _starting && index == 0 ? WorkerState.Created : WorkerState.Ready,
        (_inFlight / Math.Max(1, _workers)) + (index < _inFlight % Math.Max(1, _workers) ? 1 : 0),
        RequestsPerWorker);

    private void Cool(DateTimeOffset now)
    {
        if (_starting || (_workers > 0 && now - _usedAt > _keptWarm))
        {
            _workers = _starting ? _workers : 0;
            _workerNumber += _starting ? 0 : MaxWorkers;
            _starting = false;
            _status = null;
        }
    }

    /// <summary>The counters of several functions together.</summary>
    internal struct Totals
    {
        public long Accepted;
        public long Completed;
        public long Failed;
        public long Cancelled;
        public long Abandoned;
        public int InFlight;
    }
}
