using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Silo.Invocations;

/// <summary>
/// Has every invocation admitted and ended by the local grain of its function. While that can't be called, has not come back in time or
/// fails, the coordinator does it directly, which is the same objects: nothing waits longer, fails or counts twice because of it, and a
/// metric counts it.
/// </summary>
/// <remarks>
/// One sweep looks after all calls under way, and rests while there are none. It counts its own rounds, not time: a process that stood
/// still finds its grains no later than they are.
/// </remarks>
internal sealed partial class GrainGate : IInvocationGate, IDisposable
{
    /// <summary>
    /// Ends of one function that are on their way at a time: a deep queue of one-way messages is worked off in quadratic time (measured
    /// with Orleans 10.4.2).
    /// </summary>
    public const int MostEnding = 256;

    /// <summary>A call is late once the sweep has come round this often since: after two to three times its interval.</summary>
    public const int SweepsToWait = 3;

    /// <summary>A local call takes some microseconds. One that takes this long is stuck behind something.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(25);

    private const int RestAfter = 80;
    private static readonly TimeSpan _warnEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan _shortestPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(1);

    private readonly ILocalGrains _grains;
    private readonly AdmissionController _admission;
    private readonly FunctionBoard _board;
    private readonly string _instance;
    private readonly TimeProvider _time;
    private readonly ILogger<GrainGate> _logger;
    private readonly ConcurrentQueue<GrainCall> _rested = new();
    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private readonly TimeSpan _interval;
    private volatile GrainSession? _session;
    private volatile GrainCall[] _calls = [];
    private int _callCount;
    private int _stamp;
    private int _watching;
    private int _sweeping;
    private int _quietSweeps;
    private long _warnedAt;
    private bool _disposed;

    public GrainGate(
        ILocalGrains grains,
        AdmissionController admission,
        AdmissionDesk desk,
        FunctionBoard board,
        InstanceIdentity identity,
        GrainMetrics metrics,
        TimeProvider time,
        ILogger<GrainGate> logger)
        : this(grains, admission, desk, board, identity, metrics, time, logger, Patience)
    {
    }

    internal GrainGate(
        ILocalGrains grains,
        AdmissionController admission,
        AdmissionDesk desk,
        FunctionBoard board,
        InstanceIdentity identity,
        GrainMetrics metrics,
        TimeProvider time,
        ILogger<GrainGate> logger,
        TimeSpan patience)
    {
        _grains = grains;
        _admission = admission;
        Desk = desk;
        _board = board;
        _instance = identity.InstanceId;
        Metrics = metrics;
        _time = time;
        _logger = logger;
        _interval = patience / (SweepsToWait - 1);
        _timer = time.CreateTimer(_ => Sweep(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _warnedAt = time.GetTimestamp() - (long)(_warnEvery.TotalSeconds * time.TimestampFrequency);
        grains.Changed += OnGrains;
        board.Changed += OnTemperature;
        OnGrains();
    }

    internal AdmissionDesk Desk { get; }

    internal GrainMetrics Metrics { get; }

    /// <summary>Ends once the grains of the functions known at the silo's start have answered.</summary>
    internal Task Warming { get; private set; } = Task.CompletedTask;

    public ValueTask<AdmissionResult> AdmitAsync(string target, string requestId, TimeSpan timeLeft, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<AdmissionResult>(cancellationToken);
        }

        if (_session is not { } session)
        {
            return AdmitDirectly(BypassReason.Closed, target, requestId, timeLeft, cancellationToken);
        }

        var line = session.Find(target);
        if (line is null)
        {
            // Names come from clients: one that is no function here gets no grain, only its refusal.
            if (_admission.NameOf(target) is not { } name)
            {
                return _admission.AdmitAsync(target, requestId, timeLeft, cancellationToken);
            }

            line = session.Get(name);
            if (line is null)
            {
                return AdmitDirectly(BypassReason.Full, target, requestId, timeLeft, cancellationToken);
            }
        }

        if (line.IsSuspect)
        {
            return AdmitDirectly(BypassReason.Suspect, target, requestId, timeLeft, cancellationToken);
        }

        return Rent() is { } call
            ? call.AskAsync(line, target, requestId, timeLeft, cancellationToken)
            : AdmitDirectly(BypassReason.Full, target, requestId, timeLeft, cancellationToken);
    }

    public void End(in AdmissionResult admitted, Outcome outcome)
    {
        if (admitted.Pass is not GrainCall call || !call.TryEnd(admitted.Ticket, outcome))
        {
            admitted.Ticket.TryEnd(outcome);
        }
    }

    public void Dispose()
    {
        _grains.Changed -= OnGrains;
        _board.Changed -= OnTemperature;
        GrainSession? session;
        lock (_lock)
        {
            _disposed = true;
            session = _session;
            _session = null;
        }

        session?.Dispose();
        _timer.Dispose();

        // Nobody looks after them any more: what is under way goes on without the grains.
        Look(Stamp() + SweepsToWait);
    }

    /// <summary>Why a line can't be used now; null if it can.</summary>
    internal BypassReason? WhyNot(GrainLine line) =>
        !ReferenceEquals(line.Session, _session) ? BypassReason.Closed : line.IsSuspect ? BypassReason.Suspect : null;

    internal int Stamp() => Volatile.Read(ref _stamp);

    /// <summary>Something is under way: the sweep goes round.</summary>
    internal void Watch()
    {
        if (Volatile.Read(ref _watching) == 0 && Interlocked.Exchange(ref _watching, 1) == 0)
        {
            Volatile.Write(ref _quietSweeps, 0);
            _timer.Change(_interval, _interval);
        }
    }

    internal void Return(GrainCall call) => _rested.Enqueue(call);

    /// <summary>A line's grain was late or failed: it is left alone until it answers.</summary>
    internal void Suspect(GrainLine line, BypassReason reason, Exception? error)
    {
        // What was under way when the silo went says nothing.
        if (!ReferenceEquals(line.Session, _session) || !line.TrySuspect())
        {
            return;
        }

        var what = reason == BypassReason.Late ? "was late" : "failed";
        if (MayWarn())
        {
            LogSuspect(_logger, line.Name, what, error);
        }
        else
        {
            LogSuspectAgain(_logger, line.Name, what, error);
        }

        _ = Task.Run(() => RecoverAsync(line));
    }

    private void OnGrains()
    {
        GrainSession? session;
        GrainSession? before;
        lock (_lock)
        {
            var factory = _disposed ? null : _grains.Factory;
            before = _session;
            if (ReferenceEquals(factory, before?.Factory))
            {
                return;
            }

            _session = session = factory is null ? null : new GrainSession(_instance, factory);
            if (session is not null)
            {
                Warming = Task.Run(() => WarmAsync(session));
            }
        }

        before?.Dispose();
    }

    /// <summary>A function that gets workers will be called: its grain is activated before.</summary>
    private void OnTemperature(string function, FunctionTemperature from, FunctionTemperature to)
    {
        if (_session is { } session && session.Find(function) is null && _admission.NameOf(function) is { } name)
        {
            _ = Task.Run(() => PingAsync(session, name));
        }
    }

    private async Task WarmAsync(GrainSession session)
    {
        foreach (var function in _board.List())
        {
            if (_admission.NameOf(function.Name) is { } name)
            {
                await PingAsync(session, name);
            }
        }
    }

    private async Task PingAsync(GrainSession session, string name)
    {
        try
        {
            if (session.Get(name) is { } line)
            {
                await PingAsync(line);
            }
        }
        catch (Exception error)
        {
            // The first invocation finds out for itself.
            LogNotWarm(_logger, name, error);
        }
    }

    private async Task PingAsync(GrainLine line)
    {
        var pinged = line.Grain.PingAsync().AsTask();
        _ = pinged.ContinueWith(
            static late => _ = late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        await pinged.WaitAsync(_longestPause, _time, line.Session.Over);
    }

    private async Task RecoverAsync(GrainLine line)
    {
        var since = _time.GetTimestamp();
        var over = line.Session.Over;
        var pause = _shortestPause;
        while (!over.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(pause, _time, over);
                await PingAsync(line);
                line.Trust();
                LogTrusted(_logger, line.Name, _time.GetElapsedTime(since).TotalMilliseconds);
                return;
            }
            catch (Exception error)
            {
                LogStillSuspect(_logger, line.Name, error);
                pause = pause * 2 < _longestPause ? pause * 2 : _longestPause;
            }
        }
    }

    private bool MayWarn()
    {
        var now = _time.GetTimestamp();
        var warned = Volatile.Read(ref _warnedAt);
        return _time.GetElapsedTime(warned, now) >= _warnEvery && Interlocked.CompareExchange(ref _warnedAt, now, warned) == warned;
    }

    private void Sweep()
    {
        if (Interlocked.Exchange(ref _sweeping, 1) != 0)
        {
            return;
        }

        try
        {
            var stamp = Interlocked.Increment(ref _stamp);
            if (Look(stamp))
            {
                _quietSweeps = 0;
            }
            else if (++_quietSweeps >= RestAfter)
            {
                _quietSweeps = 0;
                _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                Interlocked.Exchange(ref _watching, 0);

                // Who began a moment ago may have taken the sweep for going on.
                if (Look(stamp))
                {
                    Watch();
                }
            }
        }
        finally
        {
            Volatile.Write(ref _sweeping, 0);
        }
    }

    /// <returns>Whether anything is under way.</returns>
    private bool Look(int stamp)
    {
        var any = false;
        foreach (var call in _calls)
        {
            any |= call?.Sweep(stamp) ?? false;
        }

        return any;
    }

    private GrainCall? Rent() => _rested.TryDequeue(out var call) ? call : NewCall();

    private GrainCall? NewCall()
    {
        lock (_lock)
        {
            if (GrainCall.Create(this, Desk) is not { } call)
            {
                return null;
            }

            var calls = _calls;
            if (_callCount == calls.Length)
            {
                Array.Resize(ref calls, Math.Max(16, 2 * _callCount));
            }

            Volatile.Write(ref calls[_callCount++]!, call);
            _calls = calls;
            return call;
        }
    }

    private ValueTask<AdmissionResult> AdmitDirectly(
        BypassReason reason, string target, string requestId, TimeSpan timeLeft, CancellationToken cancellationToken)
    {
        Metrics.Bypass(reason);
        return _admission.AdmitAsync(target, requestId, timeLeft, cancellationToken);
    }

    [LoggerMessage(2100, LogLevel.Warning, "The local grain of {Function} {What}: its invocations go past it until it answers. They don't suffer; the silo may")]
    private static partial void LogSuspect(ILogger logger, string function, string what, Exception? error);

    [LoggerMessage(2101, LogLevel.Debug, "The local grain of {Function} {What}: its invocations go past it until it answers")]
    private static partial void LogSuspectAgain(ILogger logger, string function, string what, Exception? error);

    [LoggerMessage(2102, LogLevel.Debug, "The local grain of {Function} does not answer yet")]
    private static partial void LogStillSuspect(ILogger logger, string function, Exception error);

    [LoggerMessage(2103, LogLevel.Debug, "The local grain of {Function} answers again after {Milliseconds:0} ms")]
    private static partial void LogTrusted(ILogger logger, string function, double milliseconds);

    [LoggerMessage(2104, LogLevel.Debug, "The local grain of {Function} was not activated ahead of its first invocation")]
    private static partial void LogNotWarm(ILogger logger, string function, Exception error);
}
