using System.Numerics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Coordination.Supervision;
using NoslateFleet.Silo.Configuration;
using NoslateFleet.Silo.Invocations;

namespace NoslateFleet.Silo.Hosting;

/// <summary>
/// Runs the silo behind the gateway: begins once the gateway serves, opens the local grains only while the silo is relied on, looks after its row
/// in Redis, and has it leave at the end.
/// </summary>
internal sealed partial class SiloService : IHostedService, IDisposable
{
    private readonly SiloSettings _settings;
    private readonly SiloPart _part;
    private readonly LocalGrains _grains;
    private readonly InstanceLifecycle _lifecycle;
    private readonly IHostApplicationLifetime _application;
    private readonly TimeProvider _time;
    private readonly ILogger<SiloService> _logger;
    private readonly Supervisor _supervisor;
    private readonly CancellationTokenSource _stop = new();
    private CancellationTokenRegistration _started;
    private Task _rows = Task.CompletedTask;
    private long _epoch;
    private int _redisAway;
    private long _toldLife;

    public SiloService(
        SiloSettings settings,
        SiloPart part,
        LocalGrains grains,
        InstanceLifecycle lifecycle,
        IHostApplicationLifetime application,
        TimeProvider time,
        ILogger<SiloService> logger)
    {
        _settings = settings;
        _part = part;
        _grains = grains;
        _lifecycle = lifecycle;
        _application = application;
        _time = time;
        _logger = logger;
        _epoch = lifecycle.State.Epoch;
        _supervisor = new Supervisor(part, settings.Supervision, time, Random.Shared);
        _supervisor.Changed += OnChanged;
        part.Lost = _supervisor.Lost;
    }

    /// <summary>Where the silo stands.</summary>
    public SupervisorState State => _supervisor.State;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (_settings.Topology == FleetTopology.Standalone)
        {
            return Task.CompletedTask;
        }

        _lifecycle.Changed += OnLifecycle;

        // Not before the doors are open: the first invocation needs the processors more.
        _started = _application.ApplicationStarted.Register(Begin);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_settings.Topology == FleetTopology.Standalone)
        {
            return;
        }

        _lifecycle.Changed -= OnLifecycle;
        await _started.DisposeAsync();
        await _stop.CancelAsync();
        await _rows;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_settings.LeaveTimeout);
        if (!await _supervisor.StopAsync(patience.Token))
        {
            LogNotLeft(_logger, _settings.LeaveTimeout.TotalSeconds);
        }
    }

    public void Dispose()
    {
        _supervisor.Dispose();
        _stop.Dispose();
    }

    private void Begin()
    {
        _supervisor.Begin();
        if (_settings.Topology == FleetTopology.Mesh)
        {
            _rows = Task.Run(() => WatchRowAsync(_stop.Token), CancellationToken.None);
        }
    }

    private async Task WatchRowAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(_settings.RowCheckInterval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                // A silo that is being looked at anyway, or has none, needs no second look.
                if (_supervisor.State is { Phase: SupervisedPhase.Up, Life: var life })
                {
                    await CheckRowAsync(life, cancellationToken);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The process ends.
        }
    }

    private async Task CheckRowAsync(long life, CancellationToken cancellationToken)
    {
        try
        {
            var missing = await _part.MissingRowAsync(cancellationToken);
            if (Interlocked.Exchange(ref _redisAway, 0) != 0)
            {
                LogRedisBack(_logger);
            }

            if (missing is not null)
            {
                _supervisor.Lost(life, missing);
            }
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            // The silo goes on without; there is one warning, however long it lasts.
            if (Interlocked.Exchange(ref _redisAway, 1) == 0)
            {
                LogRedisAway(_logger, error.Message);
            }
        }
    }

    private void OnLifecycle(InstanceState state)
    {
        if (Interlocked.Exchange(ref _epoch, state.Epoch) < state.Epoch)
        {
            _supervisor.Thawed();
        }
    }

    private void OnChanged(SupervisorState state)
    {
        // Opened after a verification alone, and closed before anything is done to the silo.
        if (state.Phase == SupervisedPhase.Up && _part.Grains is { } factory)
        {
            _grains.Open(factory);
            LogUp(_logger, _settings.Topology, state.Life);
            return;
        }

        _grains.Close();
        switch (state.Phase)
        {
            case SupervisedPhase.Stopping when state.Leaving is not null:
                _toldLife = state.Life;
                LogLost(_logger, state.Leaving);
                break;

            // A life that was lost soon counts as a failure, too: why was told.
            case SupervisedPhase.Waiting when state.Failures > 0 && state.Life != _toldLife:
                // An outage of days is a dozen of warnings, not thousands.
                LogRetry(_logger, BitOperations.IsPow2(state.Failures) ? LogLevel.Warning : LogLevel.Debug, state.Failures, state.Trouble);
                break;
        }
    }

    [LoggerMessage(2000, LogLevel.Information, "The silo is up ({Topology}, life {Life})")]
    private static partial void LogUp(ILogger logger, FleetTopology topology, long life);

    [LoggerMessage(2001, LogLevel.Warning, "The silo is restarted, and it alone: {Reason}. Invocations go on without it")]
    private static partial void LogLost(ILogger logger, string reason);

    [LoggerMessage(EventId = 2002, Message = "The silo is not up, {Failures} times in a row: {Trouble}. It is tried again; invocations go on without it.")]
    private static partial void LogRetry(ILogger logger, LogLevel level, int failures, string? trouble);

    [LoggerMessage(2003, LogLevel.Warning, "The silo did not leave within {Seconds} s; others will find out by themselves")]
    private static partial void LogNotLeft(ILogger logger, double seconds);

    [LoggerMessage(2004, LogLevel.Warning, "The cluster's table can't be read: {Error}. The silo goes on; this is not told again until it is over")]
    private static partial void LogRedisAway(ILogger logger, string error);

    [LoggerMessage(2005, LogLevel.Information, "The cluster's table can be read again")]
    private static partial void LogRedisBack(ILogger logger);
}
