using System.Diagnostics;
using System.Globalization;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Bench.Admission;

/// <summary>
/// Admission, ticket and completion in a closed loop: time and allocation on one thread, and how much more two threads do. A few
/// seconds, without BenchmarkDotNet, whose harness runs on one thread only. Measured in many short rounds of which the best counts: what
/// else runs on the machine can only add to a round, and two threads are seldom left alone for long.
/// </summary>
internal static class AdmissionMeasure
{
    private const int Rounds = 1000;
    private const int PerRound = 3000;
    private const int WarmUp = 1_000_000;

    public static void Run()
    {
        Measure("one at a time on each thread", observed: false, kept: 0, functionLimit: 0);
        Measure("one at a time on each thread, each edge of idleness told", observed: true, kept: 0, functionLimit: 0);
        Measure("four in flight on each thread, each edge of idleness told", observed: true, kept: 3, functionLimit: 0);
        Measure("as before, with a limit of the function's own", observed: true, kept: 3, functionLimit: 100);
    }

    /// <summary>Admits where there is room.</summary>
    public static Ticket Admit(AdmissionController admission, string function)
    {
        var admitted = admission.AdmitAsync(function, "0123456789abcdef", TimeSpan.FromSeconds(10), CancellationToken.None);
        return admitted.IsCompletedSuccessfully ? admitted.Result.Ticket : throw new InvalidOperationException("there was no room");
    }

    private static void Measure(string name, bool observed, int kept, int functionLimit)
    {
        var ledger = new InvocationLedger(TimeProvider.System) { Observer = observed ? new Listening() : null };
        var options = new AdmissionOptions { MaxConcurrentPerFunction = functionLimit };
        var admission = new AdmissionController(ledger, options, TimeProvider.System);
        Loop(admission, kept, WarmUp);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Loop(admission, 0, WarmUp);
        var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        var one = Best(1, () => Loop(admission, kept, PerRound));
        var two = Best(2, () => Loop(admission, kept, PerRound));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"""
            {name}
              1 thread {one:F0} ns and {(double)bytes / WarmUp:F1} B per invocation; 2 threads {two:F0} ns each: {2 * one / two:F2} times as many
            """));
        if (ledger.Snapshot() is not { Drift: 0, InFlight: 0 })
        {
            throw new InvalidOperationException("the ledger does not add up: " + ledger.Snapshot());
        }
    }

    private static void Loop(AdmissionController admission, int kept, int count)
    {
        var open = kept == 0 ? [] : Enumerable.Range(0, kept).Select(_ => Admit(admission, "echo")).ToArray();
        for (var i = 0; i < count; i++)
        {
            Admit(admission, "echo").TryEnd(Outcome.Completed);
        }

        foreach (var ticket in open)
        {
            ticket.TryEnd(Outcome.Completed);
        }
    }

    /// <summary>Nanoseconds per invocation as each thread sees it, in the best of all rounds.</summary>
    private static double Best(int threads, Action body)
    {
        // Threads that spin between the rounds: woken ones would begin one after the other.
        var round = 0;
        var done = 0;
        var others = Enumerable.Range(1, threads - 1).Select(_ =>
        {
            var thread = new Thread(() =>
            {
                for (var mine = 1; mine <= Rounds; mine++)
                {
                    while (Volatile.Read(ref round) < mine)
                    {
                        Thread.SpinWait(1);
                    }

                    body();
                    Interlocked.Increment(ref done);
                }
            });
            thread.Start();
            return thread;
        }).ToArray();

        // This thread is one of them, lest it take a processor from them.

        var best = double.MaxValue;
        for (var mine = 1; mine <= Rounds; mine++)
        {
            var start = Stopwatch.GetTimestamp();
            Volatile.Write(ref round, mine);
            body();
            Interlocked.Increment(ref done);
            while (Volatile.Read(ref done) < mine * threads)
            {
                Thread.SpinWait(1);
            }

            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / PerRound);
        }

        foreach (var thread in others)
        {
            thread.Join();
        }

        return best;
    }

    /// <summary>Something always listens. What it does with it is not measured here.</summary>
    private sealed class Listening : IActivityObserver
    {
        public void Busy()
        {
        }

        public void Idle()
        {
        }
    }
}
