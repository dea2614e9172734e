using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Grains.Hosting;
using NoslateFleet.Silo.Invocations;
using NoslateFleet.Tests.Common;
using Orleans.Configuration;
using Orleans.Hosting;

namespace NoslateFleet.Tests.Grains.Harness;

/// <summary>
/// One instance: its Coordination objects, its gate, and silos that come and go beside them. At its end every invocation must be accounted
/// for, and nothing may have been logged as an error.
/// </summary>
internal sealed class TestInstance : IAsyncDisposable
{
    private readonly ServiceProvider _metering = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly ErrorCollector _errors = new();
    private readonly ILoggerFactory _loggers;
    private IHost? _silo;

    public TestInstance(string id = "instance-1", int slots = 200, int queue = 100, TimeSpan? patience = null)
    {
        Id = id;
        _loggers = LoggerFactory.Create(logging => logging.AddProvider(_errors));
        Ledger = new InvocationLedger(TimeProvider.System);
        Admission = new AdmissionController(
            Ledger, new AdmissionOptions { MaxConcurrent = slots, MaxQueued = queue }, TimeProvider.System);
        Board = new FunctionBoard(Ledger, TimeProvider.System);
        Lifecycle = new InstanceLifecycle(
            InstanceIdentity.OfThisProcess(id),
            Work,
            new LedgerInvocations(Ledger, Admission),
            new LifecycleBudgets(),
            new FlightRecorder(FlightRecorder.DefaultCapacity, TimeProvider.System),
            TimeProvider.System);
        Desk = new AdmissionDesk(Admission, new Random(7), TimeProvider.System);
        Parts = new GrainParts(Desk, Admission, Ledger, Board, Lifecycle, Work, TimeProvider.System);
        Metrics = new GrainMetrics(_metering.GetRequiredService<IMeterFactory>());

        // Longer than any test, unless the test is about it: the machine may be busy.
        Gate = new GrainGate(
            Switch,
            Admission,
            Desk,
            Board,
            Lifecycle.Identity,
            Metrics,
            TimeProvider.System,
            _loggers.CreateLogger<GrainGate>(),
            patience ?? TimeSpan.FromMinutes(5));
    }

    public string Id { get; }

    public InvocationLedger Ledger { get; }

    public AdmissionController Admission { get; }

    public AdmissionDesk Desk { get; }

    public FunctionBoard Board { get; }

    public InstanceLifecycle Lifecycle { get; }

    public PlainWork Work { get; } = new();

    public GrainParts Parts { get; }

    public LocalGrains Switch { get; } = new();

    public GrainMetrics Metrics { get; }

    public GrainGate Gate { get; }

    /// <summary>What Orleans logs as an error when a call has nowhere to go.</summary>
    public const string NowhereToGo = "Failed to address message";

    /// <summary>Parts of the errors that the test brings about.</summary>
    public IReadOnlyList<string> Expected { get; set; } = [];

    public int SiloPort { get; private set; }

    public IServiceProvider Silo => _silo!.Services;

    public IGrainFactory Grains => Silo.GetRequiredService<IGrainFactory>();

    /// <summary>Starts a silo, and opens the switch once it has.</summary>
    /// <param name="primary">The silo port of the instance whose cluster to join; null: a cluster of its own.</param>
    /// <param name="configure">The rest.</param>
    public async Task StartSiloAsync(int? primary = null, Action<ISiloBuilder>? configure = null)
    {
        SiloPort = FreePort.Next();
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(_errors);
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(
                SiloPort, gatewayPort: 0, primary is { } port ? new IPEndPoint(IPAddress.Loopback, port) : null, "fleet", "tests");
            silo.Configure<SiloOptions>(options => options.SiloName = Id);
            silo.AddNoslateFleetGrains(Parts);
            configure?.Invoke(silo);
        });
        _silo = builder.Build();
        await _silo.StartAsync();
        Switch.Open(Grains);
        await Gate.Warming;
    }

    public async Task StopSiloAsync()
    {
        if (_silo is { } silo)
        {
            _silo = null;
            Switch.Close();
            await silo.StopAsync();
            silo.Dispose();
        }
    }

    /// <summary>Admits through the gate; must be accepted.</summary>
    public async Task<AdmissionResult> AdmitAsync(string function = "f")
    {
        var admitted = await Gate.AdmitAsync(function, "r", Timeout.InfiniteTimeSpan, CancellationToken.None);
        Assert.True(admitted.Accepted);
        return admitted;
    }

    /// <summary>Waits until all is ended that was given to the gate to end.</summary>
    public async Task SettledAsync(int inFlight = 0) =>
        await Until.TrueAsync(() => Ledger.InFlight == inFlight, $"in flight stayed at {Ledger.InFlight}");

    public async ValueTask DisposeAsync()
    {
        await StopSiloAsync();
        Gate.Dispose();
        Metrics.Dispose();
        Lifecycle.Dispose();
        Assert.Equal(0, Ledger.Snapshot().Drift);
        Assert.DoesNotContain(_errors.Errors, e => !Expected.Any(x => e.Contains(x, StringComparison.Ordinal)));
        _loggers.Dispose();
        await _metering.DisposeAsync();
    }

    private sealed class ErrorCollector : ILoggerProvider
    {
        public ConcurrentQueue<string> Errors { get; } = new();

        public ILogger CreateLogger(string categoryName) => new Named(this, categoryName);

        public void Dispose()
        {
        }

        private sealed class Named(ErrorCollector all, string category) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

            public void Log<TState>(
                LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                if (IsEnabled(logLevel))
                {
                    all.Errors.Enqueue($"{category} {eventId.Id}: {formatter(state, exception)} {exception}");
                }
            }
        }
    }
}
