using System.Diagnostics;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Tests.Coordination.Admission;

public sealed class AdmissionCostTests
{
    private const int Rounds = 300;
    private const int PerRound = 1000;

    [Theory]
    [InlineData(0)]
    [InlineData(50)]
    public void Invocation_AllocatesNothing_AndTakesFarLessThanTheRestOfIt(int perFunction)
    {
        var ledger = new InvocationLedger(TimeProvider.System) { Observer = new Listener() };
        var options = new AdmissionOptions { MaxConcurrentPerFunction = perFunction };
        var admission = new AdmissionController(ledger, options, TimeProvider.System);
        for (var round = 0; round < Rounds; round++)
        {
            Run(admission);
        }

        // Rounds short enough for one to be left alone by whatever else runs.
        var best = TimeSpan.MaxValue;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < Rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            Run(admission);
            var took = Stopwatch.GetElapsedTime(start);
            best = took < best ? took : best;
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        // Measured at a tenth of this; generous, because tests share their machine.
        Assert.InRange(best.TotalNanoseconds / PerRound, 0, 2000);
    }

    private static void Run(AdmissionController admission)
    {
        for (var i = 0; i < PerRound; i++)
        {
            var admitted = admission.AdmitAsync("f", "r", TimeSpan.FromSeconds(10), CancellationToken.None);
            if (!admitted.IsCompletedSuccessfully || !admitted.Result.Ticket.TryEnd(Outcome.Completed))
            {
                Assert.Fail("was not admitted at once");
            }
        }
    }

    private sealed class Listener : IActivityObserver
    {
        public void Busy()
        {
        }

        public void Idle()
        {
        }
    }
}
