using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Grains.Hosting;
using NoslateFleet.Silo.Invocations;
using NoslateFleet.Tests.Grains.Harness;
using Orleans.Configuration;
using Orleans.Hosting;

// What an invocation pays for going by the local grain: admitted and ended through a real silo in this process, against straight to
// admission. "dotnet run -c Release --project Bench/Grains".
const int Warm = 20_000;
const int Each = 20_000;
const int Rounds = 7;

var ledger = new InvocationLedger(TimeProvider.System);
var admission = new AdmissionController(ledger, new AdmissionOptions(), TimeProvider.System);
var board = new FunctionBoard(ledger, TimeProvider.System);
var work = new PlainWork();
using var lifecycle = new InstanceLifecycle(
    InstanceIdentity.OfThisProcess("bench"),
    work,
    new LedgerInvocations(ledger, admission),
    new LifecycleBudgets(),
    new FlightRecorder(FlightRecorder.DefaultCapacity, TimeProvider.System),
    TimeProvider.System);
var desk = new AdmissionDesk(admission, new Random(1), TimeProvider.System);
var builder = Host.CreateApplicationBuilder();
builder.Logging.ClearProviders();
builder.UseOrleans(silo =>
{
    silo.UseLocalhostClustering(siloPort: 20_111, gatewayPort: 0, null, "fleet", "bench");
    silo.Configure<SiloOptions>(options => options.SiloName = "bench");
    silo.AddNoslateFleetGrains(new GrainParts(desk, admission, ledger, board, lifecycle, work, TimeProvider.System));
});
using var host = builder.Build();
await host.StartAsync();
using var metrics = new GrainMetrics(host.Services.GetRequiredService<IMeterFactory>());
var grains = new LocalGrains();

// Patient: on a busy machine a round that went past the grain would be taken for a cheap one.
using var gate = new GrainGate(
    grains,
    admission,
    desk,
    board,
    lifecycle.Identity,
    metrics,
    TimeProvider.System,
    NullLogger<GrainGate>.Instance,
    TimeSpan.FromMinutes(5));
grains.Open(host.Services.GetRequiredService<IGrainFactory>());
var direct = new DirectGate(admission);

foreach (var callers in new[] { 1, 16 })
{
    await RunAsync(direct, callers, Warm);
    await RunAsync(gate, callers, Warm);
    var before = metrics.Bypassed;
    var best = (Direct: default(Cost?), Grain: default(Cost?));
    for (var round = 0; round < Rounds; round++)
    {
        best.Direct = Better(best.Direct, await RunAsync(direct, callers, Each));
        best.Grain = Better(best.Grain, await RunAsync(gate, callers, Each));
    }

    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{callers} callers: direct {best.Direct!.Value.Microseconds:0.00} us {best.Direct.Value.Bytes:0} B; by the grain "
        + $"{best.Grain!.Value.Microseconds:0.00} us {best.Grain.Value.Bytes:0} B; over direct "
        + $"{best.Grain.Value.Microseconds - best.Direct.Value.Microseconds:0.00} us (allowed 8) "
        + $"{best.Grain.Value.Bytes - best.Direct.Value.Bytes:0} B (allowed 1536); went past the grain {metrics.Bypassed - before} of "
        + $"{Rounds * Each}"));
}

grains.Close();
await host.StopAsync();
return;

static Cost Better(Cost? one, Cost other) => one is { } known && known.Microseconds <= other.Microseconds ? known : other;

async Task<Cost> RunAsync(IInvocationGate way, int callers, int count)
{
    var bytes = GC.GetTotalAllocatedBytes(precise: true);
    var start = Stopwatch.GetTimestamp();
    await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(() => CallAsync(way, count / callers))));

    // The ends that are still on their way belong to it.
    while (ledger.InFlight > 0)
    {
        await Task.Yield();
    }

    var took = Stopwatch.GetElapsedTime(start);
    return new Cost(took.TotalMicroseconds / count, (double)(GC.GetTotalAllocatedBytes(precise: true) - bytes) / count);
}

static async Task CallAsync(IInvocationGate way, int count)
{
    for (var i = 0; i < count; i++)
    {
        var admitted = await way.AdmitAsync("f", "r", TimeSpan.FromSeconds(30), CancellationToken.None);
        way.End(admitted, Outcome.Completed);
    }
}

internal readonly record struct Cost(double Microseconds, double Bytes);
