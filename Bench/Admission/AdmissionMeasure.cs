using System.Diagnostics;
using System.Globalization;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Bench.Admission;

/// <summary>
/// Admission, ticket and completion in a closed loop: time and allocation on one thread, and how much more two threads do. A few
/// seconds, without BenchmarkDotNet, whose harness runs on one thread only.
/// </summary>
internal static class AdmissionMeasure
{
    private const int Rounds = 5;
    private const int PerRound = 2_000_000;

    public static void Run()
    {
        Measure("one function", static _ => "echo", 0);
        Measure("a function for each thread", static i => i == 0 ? "echo" : "hello", 0);
        Measure("one function, with a limit of its own", static _ => "echo", 100);
    }

    /// <summary>One invocation after another, as one thread does them.</summary>
    public static void Loop(AdmissionController admission, string function, int count)
    {
        for (var i = 0; i < count; i++)
        {
            Admit(admission, function).TryEnd(Outcome.Completed);
        }
    }

    /// <summary>Admits where there is room.</summary>
    public static Ticket Admit(AdmissionController admission, string function)
    {
        var admitted = admission.AdmitAsync(function, "0123456789abcdef", TimeSpan.FromSeconds(10), CancellationToken.None);
        return admitted.IsCompletedSuccessfully ? admitted.Result.Ticket : throw new InvalidOperationException("there was no room");
    }

    private static void Measure(string name, Func<int, string> function, int functionLimit)
    {
        var ledger = new InvocationLedger(TimeProvider.System) { Observer = new Counting() };
        var admission = new AdmissionController(ledger, new AdmissionOptions { MaxConcurrentPerFunction = functionLimit }, TimeProvider.System);
        var one = double.MaxValue;
        var two = double.MaxValue;
        long bytes = long.MaxValue;
        Time(2, i => Loop(admission, function(i), PerRound));
        for (var round = 0; round < Rounds; round++)
        {
            one = Math.Min(one, Time(1, i =>
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                Loop(admission, function(i), PerRound);
                bytes = Math.Min(bytes, GC.GetAllocatedBytesForCurrentThread() - before);
            }));
            two = Math.Min(two, Time(2, i => Loop(admission, function(i), PerRound)));
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: 1 thread {one:F0} ns and {(double)bytes / PerRound:F1} B per invocation; 2 threads {two:F0} ns each, {2 * one / two:F2} times the throughput"));
        if (ledger.Snapshot() is not { Drift: 0, InFlight: 0 })
        {
            throw new InvalidOperationException("the ledger does not add up: " + ledger.Snapshot());
        }
    }

    /// <summary>Nanoseconds per invocation, as each thread sees it.</summary>
    private static double Time(int threads, Action<int> body)
    {
        using var start = new Barrier(threads + 1);
        var running = Enumerable.Range(0, threads).Select(i =>
        {
            var thread = new Thread(() =>
            {
                start.SignalAndWait();
                body(i);
            });
            thread.Start();
            return thread;
        }).ToArray();
        start.SignalAndWait();
        var watch = Stopwatch.GetTimestamp();
        foreach (var thread in running)
        {
            thread.Join();
        }

        return Stopwatch.GetElapsedTime(watch).TotalNanoseconds / PerRound;
    }

    /// <summary>Stands for the freeze accounting, which always listens.</summary>
    private sealed class Counting : IActivityObserver
    {
        private int _calls;

        public void Busy() => _calls++;

        public void Idle() => _calls++;
    }
}
