using System.Reflection;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Grains.Functions;

namespace NoslateFleet.Tests.Grains.Invocations;

/// <summary>A function's grain that answers as the test says; by default as the real one does.</summary>
internal sealed class FakeFunctionGrain : IFunctionGrain
{
    private readonly AdmissionDesk _desk;

    public FakeFunctionGrain(AdmissionDesk desk)
    {
        _desk = desk;
        Admit = id => new ValueTask<AdmissionDecision>(_desk.Admit(id));
        Complete = (id, outcome) =>
        {
            _desk.Complete(id, outcome);
            return ValueTask.CompletedTask;
        };
        Ping = static () => ValueTask.CompletedTask;
    }

    public Func<TicketId, ValueTask<AdmissionDecision>> Admit { get; set; }

    public Func<TicketId, Outcome, ValueTask> Complete { get; set; }

    public Func<ValueTask> Ping { get; set; }

    public List<TicketId> Asked { get; } = [];

    public ValueTask<AdmissionDecision> AdmitAsync(TicketId ticket)
    {
        Asked.Add(ticket);
        return Admit(ticket);
    }

    public ValueTask CompleteAsync(TicketId ticket, Outcome outcome) => Complete(ticket, outcome);

    public ValueTask<FunctionReport> ReportAsync() => throw new NotSupportedException();

    public ValueTask<FunctionReport> DrainAsync() => throw new NotSupportedException();

    public ValueTask<FunctionReport> UndrainAsync() => throw new NotSupportedException();

    public ValueTask PingAsync() => Ping();

    /// <summary>A factory that gives this grain for every key.</summary>
    public IGrainFactory Factory()
    {
        var factory = DispatchProxy.Create<IGrainFactory, FactoryProxy>();
        ((FactoryProxy)(object)factory).Grain = this;
        return factory;
    }

    public class FactoryProxy : DispatchProxy
    {
        internal FakeFunctionGrain Grain { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => Grain;
    }
}
