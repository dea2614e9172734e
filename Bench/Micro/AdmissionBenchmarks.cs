using BenchmarkDotNet.Attributes;
using NoslateFleet.Bench.Admission;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Bench.Micro;

/// <summary>What one invocation takes to be admitted, counted and ended, on one thread. For two threads see <c>admission</c>.</summary>
public class AdmissionBenchmarks
{
    private readonly Ticket[] _open = new Ticket[64];
    private InvocationLedger _ledger = null!;
    private AdmissionController _admission = null!;

    /// <summary>Limit per function; 0: none.</summary>
    [Params(0, 100)]
    public int FunctionLimit { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _ledger = new InvocationLedger(TimeProvider.System);
        var options = new AdmissionOptions { MaxConcurrentPerFunction = FunctionLimit };
        _admission = new AdmissionController(_ledger, options, TimeProvider.System);
    }

    [Benchmark]
    public bool AdmitAndComplete() =>
        AdmissionMeasure.Admit(_admission, "echo").TryEnd(Outcome.Completed);

    [Benchmark(OperationsPerInvoke = 64)]
    public int AdmitAndComplete_64InFlight()
    {
        for (var i = 0; i < _open.Length; i++)
        {
            _open[i] = AdmissionMeasure.Admit(_admission, "echo");
        }

        var ended = 0;
        foreach (var ticket in _open)
        {
            ended += ticket.TryEnd(Outcome.Completed) ? 1 : 0;
        }

        return ended;
    }

    [Benchmark]
    public LedgerSnapshot Snapshot() => _ledger.Snapshot();
}
