using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>
/// Runs through the hooks once with an instance of nothing, so that their code is compiled before the platform calls the real ones: the first
/// of them was measured at 100 ms without it, and the platform bills that time.
/// </summary>
internal sealed class Rehearsal(GatewayOptions options, INoslateNode node, TimeProvider time)
{
    /// <summary>Runs it. Changes nothing but its own objects; of the node it reads the workers.</summary>
    public async Task RunAsync()
    {
        var ledger = new InvocationLedger(time);
        var recorder = new FlightRecorder(FlightRecorder.DefaultCapacity, time);
        var nothing = new Nothing(node);
        using var lifecycle = new InstanceLifecycle(
            new InstanceIdentity("", ""), nothing, new None(ledger), new LifecycleBudgets(), recorder, time);
        var source = new InstanceSnapshotSource(
            lifecycle, ledger, new FunctionBoard(ledger, time), new FleetMembership(FleetTopology.Standalone), null, static () => default, time);
        using var publisher = new FleetPublisher(
            new InMemoryFleetDirectory(time), source, new FleetOptions(), FleetTopology.Standalone, time, Random.Shared);
        nothing.Publisher = publisher;
        await using var markers = new InvocationMarkers(new PlatformOptions(), new StandardOutput());
        var hooks = new HookRunner(lifecycle, options, markers, time, NullLogger<HookRunner>.Instance);
        foreach (var hook in new[] { Hook.Initialize, Hook.PreFreeze, Hook.PreStop })
        {
            var answer = await hooks.RunAsync(hook, new HeaderDictionary(), "", CancellationToken.None);
            answer.Write(new HeaderDictionary(), new Pipe().Writer, "");
            await lifecycle.PassAsync(CancellationToken.None);
        }

        lifecycle.Undrain("rehearsal");
    }

    private sealed class Nothing(INoslateNode node) : IInstanceWork
    {
        public FleetPublisher? Publisher { get; set; }

        public Task<string?> PrepareAsync(CancellationToken cancellationToken) => Task.FromResult<string?>(null);

        public Task CheckDataPlaneAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Thawed(TimeSpan gap)
        {
        }

        public Task WorkersIdleAsync(CancellationToken cancellationToken) => node.GetStatsAsync(cancellationToken);

        public Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task PublishAsync(Receipt receipt, CancellationToken cancellationToken) => Publisher!.PublishAsync(receipt, cancellationToken);

        public void DrainBegins(DrainBeginning drain)
        {
        }

        public void DrainOver()
        {
        }
    }

    private sealed class None(InvocationLedger ledger) : IInvocations
    {
        public int InFlight => ledger.InFlight;

        public LedgerSnapshot Snapshot() => ledger.Snapshot();

        public Task WhenIdleAsync(CancellationToken cancellationToken) => ledger.WhenIdleAsync(cancellationToken);

        public void Open()
        {
        }

        public void Close(bool stopped)
        {
        }

        public int AbandonAll() => ledger.AbandonAll();

        public void SetEpoch(long epoch) => ledger.Epoch = epoch;
    }
}
