using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Functions;

/// <summary>
/// What an instance knows of its functions: their workers, from the node's pictures and events, and their invocations, from the ledger.
/// An event counts at once, and
/// a picture that was asked for before it does not overwrite it. Safe under concurrent callers.
/// </summary>
/// <remarks>
/// Whether ready workers have room changes with each invocation. It is worked out whenever somebody tells the board something or asks it,
/// not at each invocation, so <see cref="Changed"/> tells of it no sooner than that.
/// </remarks>
public sealed class FunctionBoard
{
    /// <summary>What a worker is taken to hold at a time if nobody said: Noslate's default.</summary>
    public const int UsualMaxActiveRequests = 10;

    /// <summary>Functions kept track of; more are left out and counted in <see cref="LeftOut"/>.</summary>
    public const int MaxFunctions = 1000;

    /// <summary>Workers kept track of, of all functions together; more are left out and counted in <see cref="LeftOut"/>.</summary>
    public const int MaxWorkers = 2000;

    private readonly InvocationLedger _ledger;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, BoardFunction> _functions = new(StringComparer.Ordinal);
    private readonly Queue<(string Function, FunctionTemperature From, FunctionTemperature To)> _changes = new();
    private HashSet<string> _listed = new(StringComparer.Ordinal);
    private bool _raising;
    private bool _pictured;
    private long _mark;
    private long _picture;
    private int _workers;
    private long _leftOut;

    /// <summary>An empty board: no temperature is known before the first picture or event.</summary>
    /// <param name="ledger">Whose invocations it shows; it counts cold starts by the temperatures that the board tells it.</param>
    /// <param name="time">The clock for as-of times.</param>
    public FunctionBoard(InvocationLedger ledger, TimeProvider time)
    {
        _ledger = ledger;
        _time = time;
    }

    /// <summary>
    /// A function's temperature has changed: its name, what it was, what it is. Told in order and one at a time, outside all locks, on
    /// the thread of
    /// whoever brought it about; must be quick. What can't be told for a while is no change; a function begins as Cold.
    /// </summary>
    public event Action<string, FunctionTemperature, FunctionTemperature>? Changed;

    /// <summary>Workers came, went or changed. Told as <see cref="Changed"/> is, but possibly by several threads at a time.</summary>
    public event Action? WorkersChanged;

    /// <summary>Functions and workers that found no room on the board so far.</summary>
    public long LeftOut => Interlocked.Read(ref _leftOut);

    /// <summary>The place of the present among what the board hears. Take it before asking the node for a picture.</summary>
    public long Mark()
    {
        lock (_lock)
        {
            foreach (var function in _functions.Values)
            {
                function.OursAtMark = _ledger.InFlightOf(function.Name);
            }

            return ++_mark;
        }
    }

    /// <summary>Takes in what the node told of all its workers.</summary>
    /// <param name="picture">The picture.</param>
    /// <returns>False if a picture asked for later was taken in already: this one changes nothing.</returns>
    public bool Apply(WorkersPicture picture)
    {
        int before;
        lock (_lock)
        {
            before = _workers;
            if (picture.Mark < _picture)
            {
                return false;
            }

            _picture = picture.Mark;
            _pictured = true;
            var told = new HashSet<string>(StringComparer.Ordinal);
            foreach (var fact in picture.Functions)
            {
                if (told.Add(fact.Name) && Get(fact.Name) is { } function)
                {
                    Paint(function, fact, picture);
                }
            }

            foreach (var (name, function) in _functions)
            {
                if (!told.Contains(name))
                {
                    Paint(function, new FunctionFact(name, null, []), picture);
                }
            }

            Forget(name => !told.Contains(name));
            EvaluateAll();
            before -= _workers;
        }

        RaiseChanges();
        if (before != 0)
        {
            WorkersChanged?.Invoke();
        }

        return true;
    }

    /// <summary>A worker came and can take requests (the node's event ContainerInstalled).</summary>
    /// <param name="functionName">Its function.</param>
    /// <param name="workerName">Its name.</param>
    public void WorkerCame(string functionName, string workerName) => OnWorker(functionName, workerName, WorkerState.Ready);

    /// <summary>A worker is being stopped and holds no request any more (RequestDrained).</summary>
    /// <param name="functionName">Its function.</param>
    /// <param name="workerName">Its name.</param>
    public void WorkerDrained(string functionName, string workerName) => OnWorker(functionName, workerName, WorkerState.PendingStop);

    /// <summary>A worker is gone (ContainerDisconnected).</summary>
    /// <param name="functionName">Its function.</param>
    /// <param name="workerName">Its name.</param>
    public void WorkerWent(string functionName, string workerName) => OnWorker(functionName, workerName, WorkerState.Stopped);

    /// <summary>A request had to wait on the node (requestQueueing): no worker has room, whatever the numbers say.</summary>
    /// <param name="functionName">Its function.</param>
    public void RequestQueued(string functionName)
    {
        lock (_lock)
        {
            if (Get(functionName) is { } function)
            {
                function.QueuedAt = ++_mark;
                function.AsOf = _time.GetUtcNow();
                Evaluate(function, queuedNow: true);
            }
        }

        RaiseChanges();
    }

    /// <summary>
    /// Nothing that was heard of workers can be relied on any more: the connection to the node was lost, or the instance was frozen.
    /// They are Unknown until the
    /// next picture or event tells of them.
    /// </summary>
    public void Doubt()
    {
        lock (_lock)
        {
            _picture = ++_mark;
            _pictured = false;
            foreach (var function in _functions.Values)
            {
                function.Doubtful = true;
                foreach (var worker in function.Workers.Values)
                {
                    if (worker.Fact.State != WorkerState.Stopped)
                    {
                        worker.Fact = worker.Fact with { State = WorkerState.Unknown };
                    }

                    worker.Mark = 0;
                }
            }

            EvaluateAll();
        }

        RaiseChanges();
    }

    /// <summary>Sets which functions and services there are, so that they are listed before anybody told of them.</summary>
    /// <param name="names">Their names.</param>
    public void SetFunctions(IReadOnlySet<string> names)
    {
        lock (_lock)
        {
            _listed = new HashSet<string>(names.Take(MaxFunctions), StringComparer.Ordinal);
            foreach (var name in _listed)
            {
                Get(name);
            }

            Forget(name => !_listed.Contains(name));
            EvaluateAll();
        }

        RaiseChanges();
    }

    /// <summary>A function's temperature now.</summary>
    /// <param name="functionName">The function.</param>
    /// <returns>Null where it can't be told: nothing was heard from the node yet, it is in doubt, or the node has no such
    /// function.</returns>
    public FunctionTemperature? TemperatureOf(string functionName)
    {
        FunctionTemperature? temperature = null;
        lock (_lock)
        {
            if (_functions.TryGetValue(functionName, out var function))
            {
                Evaluate(function);
                temperature = function.Temperature;
            }
        }

        RaiseChanges();
        return temperature;
    }

    /// <summary>The worker that surely serves a function: the only one that is Ready; null where there are none or several.</summary>
    /// <param name="functionName">The function.</param>
    public string? OnlyWorkerOf(string functionName)
    {
        lock (_lock)
        {
            string? only = null;
            foreach (var worker in _functions.GetValueOrDefault(functionName)?.Workers.Values ?? Enumerable.Empty<BoardWorker>())
            {
                if (worker.Fact.State == WorkerState.Ready)
                {
                    if (only is not null)
                    {
                        return null;
                    }

                    only = worker.Fact.Name;
                }
            }

            return only;
        }
    }

    /// <summary>Looks whether temperatures have changed by what runs now.</summary>
    public void Refresh()
    {
        lock (_lock)
        {
            EvaluateAll();
        }

        RaiseChanges();
    }

    /// <summary>Each function of which anything is known, by name.</summary>
    public IReadOnlyList<FunctionStatus> List()
    {
        var counters = _ledger.ListFunctions().ToDictionary(static c => c.Name, StringComparer.Ordinal);
        var list = new List<FunctionStatus>();
        lock (_lock)
        {
            EvaluateAll();
            foreach (var function in _functions.Values)
            {
                counters.Remove(function.Name, out var own);
                list.Add(new FunctionStatus(
                    function.Name,
                    function.Temperature,
                    [.. function.Workers.Values.Select(static w => w.Fact).Where(static w => w.State != WorkerState.Stopped)
                        .OrderBy(static w => w.Name, StringComparer.Ordinal)],
                    own ?? new FunctionCounters(function.Name, 0, 0, 0, 0, 0, 0, null, 0, 0),
                    function.AsOf));
            }

            // Services, and names that the node does not have.
            list.AddRange(counters.Values.Select(c => new FunctionStatus(c.Name, null, [], c, null)));
        }

        RaiseChanges();
        list.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return list;
    }

    /// <summary>
    /// The same for a reader of the whole fleet: names that are neither listed as a function or service nor known to the node are told as one, by the
    /// name that those have which found no room. They come from clients: an instance has room for hundreds, and a reader none to spare for those of each.
    /// </summary>
    public IReadOnlyList<FunctionStatus> ListKnown()
    {
        var all = List();
        ILookup<bool, FunctionStatus> told;
        lock (_lock)
        {
            told = all.ToLookup(status => _ledger.Functions.Find(status.Name) is { Listed: true } || _functions.ContainsKey(status.Name));
        }

        List<FunctionStatus> known = [.. told[true]];
        if (known.Count < all.Count)
        {
            var sum = FunctionCounters.Sum(FunctionTable.OverflowName, [.. told[false].Select(static status => status.Counters)]);
            known.Add(new FunctionStatus(sum.Name, null, [], sum, null));
            known.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        }

        return known;
    }

    private void OnWorker(string functionName, string workerName, WorkerState state)
    {
        lock (_lock)
        {
            // A worker that went and was never known needs no place: but a picture on its way may still show it.
            if (Get(functionName) is { } function && GetWorker(function, workerName) is { } worker)
            {
                worker.Mark = ++_mark;
                worker.Fact = worker.Fact with
                {
                    State = state,
                    ActiveRequests = 0,
                    MaxActiveRequests = worker.Fact.MaxActiveRequests ?? function.MaxActiveRequests,
                };
                if (state == WorkerState.Ready)
                {
                    function.QueuedAt = 0;
                }

                function.AsOf = _time.GetUtcNow();
                Evaluate(function);
            }
        }

        RaiseChanges();
        WorkersChanged?.Invoke();
    }

    /// <summary>Replaces what is known of a function's workers, save what is newer than the picture.</summary>
    private void Paint(BoardFunction function, FunctionFact fact, WorkersPicture picture)
    {
        function.MaxActiveRequests = fact.MaxActiveRequests ?? function.MaxActiveRequests;
        var told = new HashSet<string>(StringComparer.Ordinal);
        foreach (var worker in fact.Workers)
        {
            if (told.Add(worker.Name) && GetWorker(function, worker.Name) is { } known && known.Mark <= picture.Mark)
            {
                known.Fact = worker with { MaxActiveRequests = worker.MaxActiveRequests ?? function.MaxActiveRequests };
            }
        }

        foreach (var (name, worker) in function.Workers)
        {
            // Of what the picture does not show, newer facts stay: also that a worker went, lest a late picture bring it back.
            if (!told.Contains(name) && worker.Mark <= picture.Mark)
            {
                function.Workers.Remove(name);
                _workers--;
            }
        }

        // Ours have gone on since the node was asked: those that ended meanwhile must not count as somebody else's.
        var seen = function.Workers.Values.Sum(static w => w.Fact.State == WorkerState.Ready ? w.Fact.ActiveRequests : 0);
        function.Others = Math.Max(0, seen - Math.Max(function.OursAtMark, _ledger.InFlightOf(function.Name)));
        function.Doubtful = false;
        if (function.QueuedAt <= picture.Mark)
        {
            function.QueuedAt = 0;
        }

        if (!function.Workers.Values.Any(w => w.Mark > picture.Mark))
        {
            function.AsOf = picture.AsOf;
        }
    }

    private BoardFunction? Get(string name)
    {
        if (!_functions.TryGetValue(name, out var function))
        {
            if (_functions.Count >= MaxFunctions)
            {
                Interlocked.Increment(ref _leftOut);
                return null;
            }

            _functions[name] = function = new BoardFunction(name) { Doubtful = !_pictured };
        }

        return function;
    }

    private BoardWorker? GetWorker(BoardFunction function, string name)
    {
        if (!function.Workers.TryGetValue(name, out var worker))
        {
            if (_workers >= MaxWorkers)
            {
                DropStopped();
            }

            if (_workers >= MaxWorkers)
            {
                Interlocked.Increment(ref _leftOut);
                return null;
            }

            function.Workers[name] = worker = new BoardWorker(new WorkerFact(name, WorkerState.Unknown, 0, null));
            _workers++;
        }

        return worker;
    }

    /// <summary>Makes room: that a worker went is kept only against late pictures.</summary>
    private void DropStopped()
    {
        foreach (var function in _functions.Values)
        {
            foreach (var (name, worker) in function.Workers)
            {
                if (worker.Fact.State == WorkerState.Stopped)
                {
                    function.Workers.Remove(name);
                    _workers--;
                }
            }
        }
    }

    /// <summary>Drops functions that are neither listed nor have a worker nor, by the picture, exist.</summary>
    private void Forget(Func<string, bool> untold)
    {
        foreach (var (name, function) in _functions)
        {
            if (untold(name) && !_listed.Contains(name) && function.Workers.Count == 0)
            {
                Set(function, FunctionTemperature.Cold);
                _functions.Remove(name);
                _ledger.Functions.ForgetTemperature(name);
            }
        }
    }

    private void EvaluateAll()
    {
        foreach (var function in _functions.Values)
        {
            Evaluate(function);
        }
    }

    private void Evaluate(BoardFunction function, bool queuedNow = false)
    {
        var ready = 0;
        long room = 0;
        var starting = false;
        var untold = function.Doubtful;
        foreach (var worker in function.Workers.Values)
        {
            if (worker.Fact.State == WorkerState.Ready)
            {
                ready++;
                room += worker.Fact.MaxActiveRequests ?? UsualMaxActiveRequests;
            }

            starting |= worker.Fact.State == WorkerState.Created;
            untold |= worker.Fact.State == WorkerState.Unknown;
        }

        if (ready == 0)
        {
            Set(function, starting ? FunctionTemperature.Warming : untold ? null : FunctionTemperature.Cold);
        }
        else
        {
            var ours = _ledger.InFlightOf(function.Name);

            // What waited has been served once nothing of ours is left.
            if (ours == 0 && !queuedNow)
            {
                function.QueuedAt = 0;
            }

            var full = function.QueuedAt > 0 || ours + function.Others >= room;
            Set(function, full ? FunctionTemperature.Saturated : FunctionTemperature.Warm);
        }
    }

    private void Set(BoardFunction function, FunctionTemperature? temperature)
    {
        if (function.Temperature != temperature)
        {
            function.Temperature = temperature;
            _ledger.Functions.SetTemperature(function.Name, temperature);
        }

        // Not being able to tell is no change: what counts is what is found afterwards.
        if (temperature is { } now && now != function.LastTold)
        {
            _changes.Enqueue((function.Name, function.LastTold, now));
            function.LastTold = now;
        }
    }

    /// <summary>Tells of the changes, one thread at a time: whoever finds another at it leaves its own to that one.</summary>
    private void RaiseChanges()
    {
        lock (_lock)
        {
            if (_raising || _changes.Count == 0)
            {
                return;
            }

            _raising = true;
        }

        while (true)
        {
            (string Function, FunctionTemperature From, FunctionTemperature To) change;
            lock (_lock)
            {
                if (!_changes.TryDequeue(out change))
                {
                    _raising = false;
                    return;
                }
            }

            try
            {
                Changed?.Invoke(change.Function, change.From, change.To);
            }
            catch
            {
                lock (_lock)
                {
                    _raising = false;
                }

                throw;
            }
        }
    }
}
