using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Grains.Hosting;
using NoslateFleet.Grains.Placement;
using Orleans;
using Orleans.GrainDirectory;

namespace NoslateFleet.Grains.Instances;

/// <summary>
/// Owns nothing: whatever it tells and does is the lifecycle's, which outlives it. What may go on longer than a turn is begun outside the
/// grain's own scheduler, which dies with it.
/// </summary>
[GrainType("noslatefleet.instance")]
[KeepAlive]
[PlacedOnInstance]
[GrainDirectory(LocalGrainDirectory.Name)]
internal sealed class InstanceGrain(GrainParts parts) : Grain, IInstanceGrain
{
    /// <summary>Within what the platform of calls allows one of them.</summary>
    public static readonly TimeSpan FlushTime = TimeSpan.FromSeconds(5);

    /// <summary>The cause of a drain, as the receipt names it.</summary>
    private const string OrderCause = "order";

    private InstanceLifecycle Lifecycle => parts.Lifecycle;

    public ValueTask<InstanceReport> ReportAsync() => new(new InstanceReport
    {
        InstanceId = Lifecycle.Identity.InstanceId,
        Boot = Lifecycle.Identity.Boot,
        State = Lifecycle.State,
        InFlight = parts.Ledger.InFlight,
        LastReceipt = Lifecycle.LastReceipt,
    });

    public ValueTask<IReadOnlyList<FlightEvent>> ReadRecorderAsync(long sequence) => new(Lifecycle.Recorder.After(sequence));

    public async ValueTask<DrainReport> DrainAsync(string by) => await Task.Run(() =>
    {
        Lifecycle.Recorder.Record(Lifecycle.State.Epoch, "drain", by);
        return Report(Lifecycle.StopAsync(OrderCause));
    });

    public ValueTask<DrainReport?> ReportDrainAsync() => new(Lifecycle.Stopping is { } stop ? Report(stop) : null);

    public async ValueTask<bool> UndrainAsync(string by) => await Task.Run(() => Lifecycle.Undrain(by));

    public async Task<string?> FlushAsync(CancellationToken cancellationToken)
    {
        using var budget = new CancellationTokenSource(FlushTime, parts.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        var token = either.Token;
        try
        {
            await Task.Run(() => parts.Work.FlushAsync(token), CancellationToken.None).WaitAsync(token);
            return null;
        }
        catch (OperationCanceledException) when (budget.IsCancellationRequested)
        {
            return "the time was over";
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            return error.Message;
        }
    }

    public async Task OrderAsync(byte[] order, CancellationToken cancellationToken)
    {
        if (FleetJson.Read(order, out FleetOrder? read) != FleetReading.Read || read!.InstanceId != Lifecycle.Identity.InstanceId)
        {
            throw new ArgumentException("it is no order to this instance that this version can read", nameof(order));
        }

        var orders = parts.Orders ?? throw new InvalidOperationException("this instance takes its orders from the directory alone");
        using var budget = new CancellationTokenSource(FlushTime, parts.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        await orders.TakeAsync(read).WaitAsync(either.Token);
    }

    private DrainReport Report(Task<Receipt> stop) => stop.IsCompletedSuccessfully
        ? new DrainReport { Ended = true, Receipt = stop.Result }
        : new DrainReport { Receipt = Lifecycle.StopSoFar() };
}
