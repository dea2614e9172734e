using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Grains.Hosting;

/// <summary>The process's Coordination objects, of which the grains are a face. They outlive any silo that runs in the process.</summary>
/// <param name="Desk">Where tickets are asked for by id.</param>
/// <param name="Admission">What decides.</param>
/// <param name="Ledger">What counts.</param>
/// <param name="Board">What is known of functions.</param>
/// <param name="Lifecycle">The instance's life.</param>
/// <param name="Work">What is done around it.</param>
/// <param name="Time">The clock.</param>
public sealed record GrainParts(
    AdmissionDesk Desk,
    AdmissionController Admission,
    InvocationLedger Ledger,
    FunctionBoard Board,
    InstanceLifecycle Lifecycle,
    IInstanceWork Work,
    TimeProvider Time)
{
    /// <summary>What carries out the fleet's orders; null where that takes none by a grain.</summary>
    public OrderRunner? Orders { get; init; }
}
