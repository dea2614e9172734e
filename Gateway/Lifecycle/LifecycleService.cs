using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Functions;
using NoslateFleet.Gateway.Platform;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>Keeps the instance's life going: the tick, the start by itself where no platform calls /initialize, an earlier process's drain.</summary>
internal sealed partial class LifecycleService : IHostedService, IDisposable
{
    /// <summary>The one thing that an idle gateway does by itself. Half the shortest freeze that matters, and some 20 microseconds each.</summary>
    public static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan _firstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(30);

    private readonly InstanceLifecycle _lifecycle;
    private readonly PlatformOptions _platform;
    private readonly DrainIntentFile _intent;
    private readonly Connections _connections;
    private readonly FunctionWatch _functions;
    private readonly Rehearsal _rehearsal;
    private readonly FleetPublisher _publisher;
    private readonly TimeProvider _time;
    private readonly ILogger<LifecycleService> _logger;
    private readonly CancellationTokenSource _stop = new();
    private Ticker? _tick;
    private ITimer? _expiry;
    private Task _starting = Task.CompletedTask;
    private Task? _rehearsing;
    private int _readyTicks;
    private InstancePhase _told = InstancePhase.Starting;

    public LifecycleService(
        InstanceLifecycle lifecycle,
        PlatformOptions platform,
        DrainIntentFile intent,
        Connections connections,
        FunctionWatch functions,
        Rehearsal rehearsal,
        InvocationLedger ledger,
        FleetPublisher publisher,
        TimeProvider time,
        ILogger<LifecycleService> logger)
    {
        _lifecycle = lifecycle;
        _platform = platform;
        _intent = intent;
        _connections = connections;
        _functions = functions;
        _rehearsal = rehearsal;
        _time = time;
        _logger = logger;
        _publisher = publisher;
        ledger.Observer = new ActivityEdges(lifecycle, publisher);
        lifecycle.Changed += OnChanged;
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (_intent.Read(out var left) is { } intent)
        {
            ResumesDrain(_logger, intent.Cause, intent.WrittenAt, left.TotalSeconds);
            _lifecycle.ResumeDrain($"{intent.Cause} of {intent.WrittenAt:O}");
            _expiry = _time.CreateTimer(_ => _lifecycle.EndResumedDrain("the drain intent expired"), null, left, Timeout.InfiniteTimeSpan);
        }

        _tick = new Ticker(Tick, TickInterval, _time);
        if (_platform.Mode != PlatformMode.FunctionCompute)
        {
            _starting = Task.Run(() => InitializeAsync(_stop.Token), CancellationToken.None);
        }

        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _tick?.Dispose();
        _tick = null;
        if (_expiry is not null)
        {
            await _expiry.DisposeAsync();
        }

        await _stop.CancelAsync();
        await _starting;
    }

    public void Dispose()
    {
        _tick?.Dispose();
        _expiry?.Dispose();
        _stop.Dispose();
    }

    private async Task RehearseAsync()
    {
        try
        {
            await _rehearsal.RunAsync();
        }
        catch (Exception error)
        {
            // The first real hook takes a little longer then.
            NotRehearsed(_logger, error.Message);
        }
    }

    private void Tick()
    {
        _lifecycle.Tick();
        _functions.Tick();
        _publisher.Tick();

        // Not before the second tick of an initialised instance: until then every processor is needed for the first requests.
        if (_rehearsing is null && _lifecycle.State.Initialised && ++_readyTicks > 1)
        {
            _rehearsing = Task.Run(RehearseAsync);
        }
    }

    private async Task InitializeAsync(CancellationToken cancellationToken)
    {
        for (var pause = _firstPause; ; pause = pause * 2 < _longestPause ? pause * 2 : _longestPause)
        {
            try
            {
                if (await _lifecycle.InitializeAsync(budget: null, byHook: false, cancellationToken) is not { } missing)
                {
                    return;
                }

                NotInitialised(_logger, missing, pause.TotalSeconds);
                await Task.Delay(pause, _time, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private void OnChanged(InstanceState state)
    {
        // Crossing changes may tell themselves in the wrong order; what is done here rests on the state as it is.
        state = _lifecycle.State;
        if (_lifecycle.IsLeaving)
        {
            _connections.SayGoAway();
        }

        if (state.Phase != _told)
        {
            _told = state.Phase;
            PhaseChanged(_logger, state.Phase, state.Epoch);
        }
    }

    [LoggerMessage(1060, LogLevel.Information, "Phase {Phase}, epoch {Epoch}")]
    private static partial void PhaseChanged(ILogger logger, InstancePhase phase, long epoch);

    [LoggerMessage(1061, LogLevel.Warning, "Not initialised: {Missing}. Trying again in {Seconds} s")]
    private static partial void NotInitialised(ILogger logger, string missing, double seconds);

    [LoggerMessage(1063, LogLevel.Debug, "The hooks were not rehearsed: {Error}")]
    private static partial void NotRehearsed(ILogger logger, string error);

    [LoggerMessage(1062, LogLevel.Warning,
        "An earlier process of this container was draining ({Cause}, {At}): this one drains as well, for another {Seconds:0} s or until it is undone")]
    private static partial void ResumesDrain(ILogger logger, string cause, DateTimeOffset at, double seconds);
}
