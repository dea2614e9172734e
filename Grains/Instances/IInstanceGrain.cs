using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Grains.Placement;
using Orleans;
using Orleans.Concurrency;

namespace NoslateFleet.Grains.Instances;

/// <summary>
/// An instance, keyed by <see cref="GrainKeys.OfInstance"/>. No method waits for a drain's end. Where the instance can't be reached, calls
/// throw <see cref="InstanceUnreachableException"/>.
/// </summary>
[Alias("noslatefleet.instance")]
public interface IInstanceGrain : IGrainWithStringKey
{
    /// <summary>Its phase and life, what it has in flight, and the last receipt of a hook.</summary>
    [Alias("report")]
    ValueTask<InstanceReport> ReportAsync();

    /// <summary>The events of its flight recorder after a number, oldest first.</summary>
    /// <param name="sequence">The last number that the caller has; 0 for all there are.</param>
    [Alias("recorder")]
    ValueTask<IReadOnlyList<FlightEvent>> ReadRecorderAsync(long sequence);

    /// <summary>Begins to drain the instance, or joins the drain that runs or has ended. <see cref="ReportDrainAsync"/> tells how it goes on.</summary>
    /// <param name="by">Who wants it, in words for people; never a credential.</param>
    [Alias("drain")]
    ValueTask<DrainReport> DrainAsync(string by);

    /// <summary>The drain that runs or has ended; null if there is none.</summary>
    [Alias("drain-report")]
    ValueTask<DrainReport?> ReportDrainAsync();

    /// <summary>Undoes a drain: the instance serves again.</summary>
    /// <param name="by">Who wants it, in words for people; never a credential.</param>
    /// <returns>False if there was nothing to undo.</returns>
    [Alias("undrain")]
    ValueTask<bool> UndrainAsync(string by);

    /// <summary>Sends out what is held back: telemetry and log lines. Takes no longer than 5 s.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null if all was sent; else what went wrong, in words.</returns>
    [Alias("flush")]
    [AlwaysInterleave]
    Task<string?> FlushAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Gives an order of the fleet directory's kind: fenced by its id, its expiry and the container's life. The same order may come by the directory as
    /// well, or again by this call: it is carried out once.
    /// </summary>
    /// <param name="order">The order as <see cref="FleetJson"/> writes it: what versions may differ in is settled there.</param>
    /// <param name="cancellationToken">Gives up; whether it is carried out is then unknown, and it may be given again.</param>
    /// <returns>Ends when it was carried out, or when a drain has begun.</returns>
    [Alias("order")]
    [AlwaysInterleave]
    Task OrderAsync(byte[] order, CancellationToken cancellationToken);
}
