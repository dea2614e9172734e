using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Grains.Hosting;
using NoslateFleet.Grains.Placement;
using Orleans;
using Orleans.GrainDirectory;

namespace NoslateFleet.Grains.Functions;

/// <summary>Owns nothing: whatever it tells and does is the Coordination's, which outlives it.</summary>
[GrainType("noslatefleet.function")]
[KeepAlive]
[PlacedOnInstance]
[GrainDirectory(LocalGrainDirectory.Name)]
internal sealed class FunctionGrain : Grain, IFunctionGrain
{
    private readonly GrainParts _parts;
    private readonly string _instance;
    private readonly string _function;

    public FunctionGrain(GrainParts parts)
    {
        var key = this.GetPrimaryKeyString();
        if (!GrainKeys.TryParse(key, out var instance, out var function) || function is null)
        {
            throw new ArgumentException($"'{key}' is not the key of a function on an instance");
        }

        _parts = parts;
        _instance = instance;
        _function = function;
    }

    public ValueTask<AdmissionDecision> AdmitAsync(TicketId ticket) => new(_parts.Desk.Admit(ticket));

    public ValueTask CompleteAsync(TicketId ticket, Outcome outcome)
    {
        _parts.Desk.Complete(ticket, outcome);
        return ValueTask.CompletedTask;
    }

    public ValueTask<FunctionReport> ReportAsync() => new(Report());

    public ValueTask<FunctionReport> DrainAsync()
    {
        _parts.Admission.CloseFunction(_function);
        return new(Report());
    }

    public ValueTask<FunctionReport> UndrainAsync()
    {
        _parts.Admission.OpenFunction(_function);
        return new(Report());
    }

    public ValueTask PingAsync() => ValueTask.CompletedTask;

    private FunctionReport Report()
    {
        var status = _parts.Board.List().FirstOrDefault(s => string.Equals(s.Name, _function, StringComparison.Ordinal));
        return new FunctionReport
        {
            InstanceId = _instance,
            Function = _function,
            Draining = _parts.Admission.IsFunctionClosed(_function),
            InFlight = status?.Counters.InFlight ?? 0,
            Status = status,
        };
    }
}
