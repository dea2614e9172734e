using Google.Protobuf;
using NoslateFleet.Emulator.ControlPlane;
using NoslateFleet.Emulator.Rpc;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Data;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>The DataPlane service.</summary>
internal sealed class DataPlaneService(DataPlaneCore core, ControlPlaneCore control)
{
    private const string Prefix = "/noslated.data.DataPlane/";

    /// <summary>Methods of the inspector and tracing: there is none in the emulator, so the empty answer is the true one.</summary>
    private static readonly string[] InspectorMethods = ["useInspector", "getInspectorTargets", "startInspector", "setTracingCategories"];

    public void Register(RpcMethods methods)
    {
        methods.AddUnary<ServiceProfilesAccessor>(Prefix + "setServiceProfiles", (request, _) =>
        {
            core.Services.Set(request.Profiles);
            return Answer(new Empty());
        });
        methods.AddUnary<Empty>(Prefix + "getServiceProfiles", (_, _) => Answer(core.Services.Get()));
        methods.AddUnary<Empty>(Prefix + "getWorkerTrafficStats", (_, _) => Answer(core.GetTraffic()));
        methods.AddUnary<Empty>(Prefix + "checkHealth", (_, _) => Answer(new PlaneHealthyResponse
        {
            Name = "DataPlane",
            Health = !core.Breaker.Open,
            Reason = core.Breaker.Open ? "Circuit Breaker Enabled" : "",
        }));
        methods.AddUnary<CapacityReductionRequest>(
            Prefix + "reduceCapacity", async (request, _) => await control.ReduceCapacityAsync(request));
        foreach (string method in InspectorMethods)
            methods.AddUnary<Empty>(Prefix + method, (_, _) => Answer(new Empty()));
    }

    private static Task<IMessage> Answer(IMessage message) => Task.FromResult(message);
}
