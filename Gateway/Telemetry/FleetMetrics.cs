using System.Diagnostics.Metrics;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>
/// Every metric of the process: its name, unit and labels. docs/metrics.md lists them. What Coordination counts anyhow is read when somebody asks, and costs an
/// invocation nothing.
/// </summary>
internal sealed class FleetMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "NoslateFleet";

    /// <summary>The runtime's own meter; of its instruments <see cref="RuntimeInstruments"/> are shown.</summary>
    public const string RuntimeMeterName = "System.Runtime";

    public const string Invocations = "noslatefleet.invocations";
    public const string InvocationDuration = "noslatefleet.invocation.duration";
    public const string QueueWait = "noslatefleet.invocation.queue_wait";
    public const string TimeToHead = "noslatefleet.invocation.time_to_head";
    public const string InFlight = "noslatefleet.invocations.in_flight";
    public const string Queued = "noslatefleet.invocations.queued";
    public const string Drift = "noslatefleet.conservation.drift";
    public const string Refusals = "noslatefleet.refusals";
    public const string GrainBypass = "noslatefleet.invocations.grain_bypass";
    public const string Temperature = "noslatefleet.function.temperature";
    public const string Workers = "noslatefleet.function.workers";
    public const string ColdStarts = "noslatefleet.cold_starts";
    public const string ColdStartsAvoided = "noslatefleet.cold_starts_avoided";
    public const string HookDuration = "noslatefleet.hook.duration";
    public const string HookStepDuration = "noslatefleet.hook.step.duration";
    public const string Receipts = "noslatefleet.receipts";
    public const string Phase = "noslatefleet.instance.phase";
    public const string Epoch = "noslatefleet.instance.epoch";
    public const string InstanceTime = "noslatefleet.instance.time";
    public const string Freezes = "noslatefleet.freezes";
    public const string Thaws = "noslatefleet.thaws";
    public const string ThawToFirstAnswer = "noslatefleet.thaw.first_answer";
    public const string PlaneConnected = "noslatefleet.plane.connected";
    public const string DirectoryPublishes = "noslatefleet.directory.publishes";
    public const string DirectoryAge = "noslatefleet.directory.age";
    public const string Unflushed = "noslatefleet.telemetry.unflushed";
    public const string MeasurementsDropped = "noslatefleet.telemetry.measurements_dropped";
    public const string LinesDropped = "noslatefleet.telemetry.lines_dropped";

    /// <summary>What is in a label where the thing it names does not apply.</summary>
    public const string None = "none";

    /// <summary>Of the runtime's instruments those that tell a memory leak or a busy processor; those of the thread pool call themselves counters and are none.</summary>
    public static readonly IReadOnlySet<string> RuntimeInstruments = new HashSet<string>(StringComparer.Ordinal)
    {
        "dotnet.process.cpu.time", "dotnet.process.memory.working_set", "dotnet.gc.collections", "dotnet.gc.pause.time",
        "dotnet.gc.last_collection.heap.size",
    };

    private static readonly double[] _durations = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
    private static readonly double[] _waits = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30];
    private static readonly double[] _hooks = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    // Boxed once: a label of a number would be boxed at each measurement.
    private static readonly string[] _outcomes = [.. Enum.GetNames<Outcome>().Select(static n => n.ToLowerInvariant())];
    private static readonly string[] _executed = [.. Enum.GetNames<Noslate.Invocation.Executed>().Select(static n => n.ToLowerInvariant())];

    private readonly IMeterFactory _meters;
    private readonly Meter _meter;
    private readonly FunctionLabels _functions;
    private readonly InvocationLedger _ledger;
    private readonly FunctionBoard _board;
    private readonly InstanceLifecycle _lifecycle;
    private readonly INoslateNode _node;
    private readonly Counter<long> _invocations;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _queueWait;
    private readonly Histogram<double> _timeToHead;
    private readonly Counter<long> _refusals;
    private readonly Histogram<double> _hookDuration;
    private readonly Histogram<double> _hookStepDuration;
    private readonly Counter<long> _receipts;
    private readonly Counter<long> _freezes;
    private readonly Histogram<double> _thawToFirstAnswer;

    public FleetMetrics(
        IMeterFactory meters,
        FunctionLabels functions,
        InvocationLedger ledger,
        FunctionBoard board,
        AdmissionController admission,
        InstanceLifecycle lifecycle,
        INoslateNode node,
        FleetPublisher publisher,
        RequestLog log,
        OpenTelemetryExport export)
    {
        _meters = meters;
        _functions = functions;
        _ledger = ledger;
        _board = board;
        _lifecycle = lifecycle;
        _node = node;

        _meter = meters.Create(MeterName, typeof(FleetMetrics).Assembly.GetName().Version?.ToString(3));
        _invocations = _meter.CreateCounter<long>(Invocations, "{invocation}", "Invocations that have ended.");
        _duration = Histogram(InvocationDuration, "Time from acceptance to the response's end.", _durations);
        _queueWait = Histogram(QueueWait, "Time that a request waited for a slot before it was accepted.", _waits);
        _timeToHead = Histogram(TimeToHead, "Time from acceptance to the response's head.", _durations);
        _refusals = _meter.CreateCounter<long>(Refusals, "{request}", "Requests that were answered by the gateway without being accepted.");
        _hookDuration = Histogram(HookDuration, "Time that a hook took.", _hooks);
        _hookStepDuration = Histogram(HookStepDuration, "Time that a step of a hook took.", _hooks);
        _receipts = _meter.CreateCounter<long>(Receipts, "{receipt}", "Receipts of freeze and stop hooks.");
        _freezes = _meter.CreateCounter<long>(Freezes, "{freeze}", "Freezes that the platform announced and nobody called off.");
        _thawToFirstAnswer = Histogram(ThawToFirstAnswer, "Time from a thaw to the end of the first answer after it.", [.. FreezeAccounting.BucketSeconds]);
        _meter.CreateObservableCounter(
            DirectoryPublishes,
            () => new Measurement<long>[]
            {
                new(publisher.Published, new KeyValuePair<string, object?>("outcome", "published")),
                new(publisher.Failed, new KeyValuePair<string, object?>("outcome", "failed")),
            },
            "{snapshot}",
            "Snapshots sent to the fleet directory.");
        _meter.CreateObservableGauge(
            DirectoryAge,
            () => publisher.Age is { } age ? new[] { new Measurement<double>(age.TotalSeconds) } : [],
            "s",
            "How long ago the fleet directory took the last snapshot.");
        _meter.CreateObservableCounter(
            Unflushed, () => new Measurement<long>(export.Unflushed, new KeyValuePair<string, object?>("what", "otlp")), "{flush}",
            "Flushes before a freeze or stop that were not done in time.");
        _meter.CreateObservableGauge(InFlight, ListInFlight, "{invocation}", "Open tickets.");
        _meter.CreateObservableGauge(Queued, () => admission.Queued, "{request}", "Requests that wait for a slot.");
        _meter.CreateObservableGauge(Drift, () => ledger.Snapshot().Drift, "{invocation}", "Accepted less all that is accounted for: always 0.");
        _meter.CreateObservableGauge(Temperature, ListTemperatures, "", "1 for the temperature that the function has.");
        _meter.CreateObservableGauge(Workers, ListWorkers, "{worker}", "Workers of the function.");
        _meter.CreateObservableCounter(ColdStarts, () => ListStarts(static c => c.ColdStarts), "{invocation}", "Accepted while the function was cold or warming.");
        _meter.CreateObservableCounter(
            ColdStartsAvoided, () => ListStarts(static c => c.ColdStartsAvoided), "{invocation}", "Accepted while the function was warm.");
        _meter.CreateObservableGauge(Phase, ListPhases, "", "1 for the phase that the instance is in.");
        _meter.CreateObservableGauge(Epoch, () => lifecycle.State.Epoch, "", "The instance's life: 1 at process start, one more at every thaw.");
        _meter.CreateObservableCounter(InstanceTime, ListTime, "s", "Where the instance's time went.");
        _meter.CreateObservableCounter(Thaws, () => lifecycle.Accounting.Read().Thaws, "{thaw}", "Thaws, announced or found.");
        _meter.CreateObservableGauge(PlaneConnected, ListPlanes, "", "1 while the connection to the plane is up.");
        _meter.CreateObservableCounter(
            MeasurementsDropped, () => MeasurementsLeftOut?.Invoke() ?? 0, "{measurement}", "Measurements left out because their instrument had too many series.");
        _meter.CreateObservableCounter(LinesDropped, () => log.Dropped, "{line}", "Lines of the request log that were dropped.");
        lifecycle.Ended += OnReceipt;
        lifecycle.Accounting.FirstAnswer += OnFirstAnswer;
    }

    /// <summary>Tells how many measurements the collector has left out.</summary>
    public Func<long>? MeasurementsLeftOut { get; set; }

    /// <summary>An invocation has ended.</summary>
    /// <param name="ended">What is known of it.</param>
    public void Ended(in EndedInvocation ended)
    {
        var function = _functions.Of(ended.Target);
        var outcome = _outcomes[(int)ended.Outcome];
        _invocations.Add(1, new("function", function), new("outcome", outcome), new("reason", ended.Reason ?? None), Executed(ended.Executed));
        _duration.Record(ended.Duration.TotalSeconds, new("function", function), new("outcome", outcome));
        _queueWait.Record(ended.QueueWait.TotalSeconds, new KeyValuePair<string, object?>("function", function));
        if (ended.TimeToHead is { } head)
        {
            _timeToHead.Record(head.TotalSeconds, new KeyValuePair<string, object?>("function", function));
        }
    }

    /// <summary>A request was answered without being accepted.</summary>
    /// <param name="reason">The problem's reason.</param>
    public void Refused(string reason) => _refusals.Add(1, new KeyValuePair<string, object?>("reason", reason));

    /// <summary>Whether an instrument is to be shown by the process whose metrics these are.</summary>
    /// <param name="instrument">The instrument.</param>
    public bool Shows(Instrument instrument) => instrument.Meter.Name switch
    {
        // The scope tells the meters of several gateways in one process apart: a factory sets itself.
        MeterName => instrument.Meter.Scope is null || ReferenceEquals(instrument.Meter.Scope, _meters),
        RuntimeMeterName => RuntimeInstruments.Contains(instrument.Name),
        _ => false,
    };

    public void Dispose()
    {
        _lifecycle.Ended -= OnReceipt;
        _lifecycle.Accounting.FirstAnswer -= OnFirstAnswer;
        _meter.Dispose();
    }

    private static KeyValuePair<string, object?> Executed(Noslate.Invocation.Executed executed) => new("executed", _executed[(int)executed]);

    private Histogram<double> Histogram(string name, string description, double[] bounds) => _meter.CreateHistogram(
        name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });

    private void OnReceipt(Receipt receipt)
    {
        var verdict = receipt.CalledOff ? "called-off" : receipt.Verdict.ToString().ToLowerInvariant();
        _receipts.Add(1, new("hook", receipt.Hook), new("verdict", verdict), new("cause", receipt.Cause));
        _hookDuration.Record(receipt.Ms / 1000, new("hook", receipt.Hook), new("verdict", verdict));
        foreach (var step in receipt.Steps)
        {
            // Why a step failed is told in the receipt; as a label it would have no bound.
            var outcome = step.Outcome.StartsWith("failed", StringComparison.Ordinal) ? "failed" : step.Outcome.Replace(' ', '-');
            _hookStepDuration.Record(step.Ms / 1000, new("hook", receipt.Hook), new("step", step.Step), new("outcome", outcome));
        }

        if (receipt is { Hook: Receipt.PreFreeze, CalledOff: false })
        {
            _freezes.Add(1);
        }
    }

    private void OnFirstAnswer(TimeSpan time) => _thawToFirstAnswer.Record(time.TotalSeconds);

    private IEnumerable<Measurement<int>> ListInFlight() =>
        Sum(_ledger.ListFunctions().Select(c => (_functions.Of(c.Name), (long)c.InFlight))).Select(static s => new Measurement<int>((int)s.Sum, Function(s.Function)));

    private IEnumerable<Measurement<long>> ListStarts(Func<FunctionCounters, long> count) =>
        Sum(_ledger.ListFunctions().Select(c => (_functions.Of(c.Name), count(c)))).Select(static s => new Measurement<long>(s.Sum, Function(s.Function)));

    // The same label may stand for many functions.
    private static IEnumerable<(string Function, long Sum)> Sum(IEnumerable<(string Function, long Value)> values) =>
        values.GroupBy(static v => v.Function, StringComparer.Ordinal).Select(static g => (g.Key, g.Sum(static v => v.Value)));

    private IEnumerable<Measurement<int>> ListTemperatures()
    {
        foreach (var function in _board.List())
        {
            var label = _functions.Of(function.Name);
            if (label == FunctionLabels.Other || function.Temperature is not { } temperature)
            {
                continue;
            }

            foreach (var value in Enum.GetValues<FunctionTemperature>())
            {
                yield return new Measurement<int>(value == temperature ? 1 : 0, Function(label), new("temperature", value.ToString().ToLowerInvariant()));
            }
        }
    }

    private IEnumerable<Measurement<long>> ListWorkers() =>
        from function in _board.List()
        from state in Enum.GetValues<WorkerState>()
        where state != WorkerState.Stopped
        group function.Workers.Count(w => w.State == state) by (Function: _functions.Of(function.Name), state) into same
        select new Measurement<long>(same.Sum(), Function(same.Key.Function), new("state", same.Key.state.ToString().ToLowerInvariant()));

    private IEnumerable<Measurement<int>> ListPhases()
    {
        var phase = _lifecycle.State.Phase;
        return Enum.GetValues<InstancePhase>().Select(p => new Measurement<int>(p == phase ? 1 : 0, new KeyValuePair<string, object?>("phase", p.ToString().ToLowerInvariant())));
    }

    private IEnumerable<Measurement<double>> ListTime()
    {
        var account = _lifecycle.Accounting.Read();
        yield return Spent(account.StartingSeconds, "starting");
        yield return Spent(account.ActiveSeconds, "active");
        yield return Spent(account.WarmIdleSeconds, "warm-idle");
        yield return Spent(account.FrozenSeconds, "frozen");
        yield return Spent(account.DrainingSeconds, "draining");

        static Measurement<double> Spent(double seconds, string use) => new(seconds, new KeyValuePair<string, object?>("use", use));
    }

    private IEnumerable<Measurement<int>> ListPlanes()
    {
        var status = _node.Status;
        return status.DataPlanes.Concat(status.ControlPlanes)
            .Select(static p => new Measurement<int>(p.Connected ? 1 : 0, new KeyValuePair<string, object?>("plane", p.Name)));
    }

    private static KeyValuePair<string, object?> Function(string name) => new("function", name);
}
